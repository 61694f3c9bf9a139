"""What bench/suite.py is made of: the node, its peers, the rows, the report."""
