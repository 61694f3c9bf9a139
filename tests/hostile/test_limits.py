"""Limits hold against jobs that are out to break them (I6)."""

import time
import unittest

from hostile import ATTACKER, ROOT, HostileTest, in_modes, wait_until


class Limits(HostileTest):
    settings = ("--worker.concurrency=4", "--governance.memory_overcommit=0", "--governance.cpu_overcommit=0")

    def use(self, *words, **request):
        return self.node.run(argv=["./attacker", *words], files=ATTACKER, **request)

    def test_memory_that_one_process_takes(self):
        self.need("cgroup_memory")
        result = self.use("memory", "1", "1024", limits={"memory": "64MB"})
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "memory_limit"))
        self.assertLessEqual(result["metrics"]["memory_peak_mb"], 64)

    def test_memory_that_many_processes_take_together(self):
        self.need("cgroup_memory")
        result = self.use("memory", "20", "10", limits={"memory": "64MB"})
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "memory_limit"))
        self.assertNotEqual(result["exit_code"], 0)
        self.assertNotIn("went on", result["stdout"])
        self.assertLessEqual(result["metrics"]["memory_peak_mb"], 64)

    def test_memory_that_is_in_no_process(self):
        self.need("cgroup_memory")
        result = self.use("memory_file", "256", limits={"memory": "64MB"})
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "memory_limit"))

    def test_memory_is_watched_where_it_is_not_held(self):
        if "cgroup_memory" in self.node.layers():
            self.skipTest("the kernel holds it")
        result = self.use("memory", "20", "10", limits={"memory": "64MB"})
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "memory_limit"))

    def test_cores(self):
        self.need("cgroup_cpu")
        for hogs in ("1", "2"):
            with self.subTest(hogs=hogs):
                had = []
                # A machine that is busy gives less than the limit, never more.
                while not had or (had[-1] < 0.45 and len(had) < 4):
                    result = self.use("spin", hogs, "2000", limits={"cpu": 0.5})
                    had.append(float(result["stdout"]))
                    self.assertLessEqual(had[-1], 0.55)
                self.assertGreaterEqual(had[-1], 0.45)

    def test_processes(self):
        self.need("cgroup_pids")
        result = self.use("forks", "100", limits={"pids": 20})
        self.assertLess(int(result["stdout"]), 20)

    def test_a_fork_bomb_and_its_neighbour(self):
        self.need("cgroup_pids", "cgroup_cpu")
        ratios = []
        while not ratios or (ratios[-1] > 2 and len(ratios) < 4):
            alone = float(self.use("beat", "300")["stdout"])
            job, marker = self.start_tree("bomb", "stay", limits={"pids": 64, "cpu": 1})
            wait_until(lambda: len(self.node.census(marker)) > 40, "the bomb")
            self.assertLessEqual(len(self.node.census(marker)), 64)
            beside = float(self.use("beat", "300")["stdout"])
            self.node.post(f"/v1/jobs/{job}/cancel")
            self.assertEqual(self.node.result(job)["teardown"]["survivors"], 0)
            self.assert_gone(marker)
            ratios.append(beside / alone)
        self.assertLessEqual(ratios[-1], 2, ratios)

    def memory_of_the_node(self):
        launcher = self.node.launcher()
        return self.node.rss_kb() + sum(self.rss_kb(pid) for pid in (launcher, *self.node.shims()))

    def rss_kb(self, pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as lines:
            return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)

    def test_ten_gigabytes_of_output_are_cut_and_cost_no_memory(self):
        size = (1024 if self.mode == ROOT else 256) << 20
        self.use("flood", "1")
        before, most = self.memory_of_the_node(), 0
        job = self.node.submit(argv=["./attacker", "flood", "10240"], files=ATTACKER,
                               limits={"max_output_size": size, "timeout": 60000})
        while self.node.state(job)["status"] not in ("finished", "failed", "timeout", "cancelled"):
            most = max(most, self.memory_of_the_node())
            time.sleep(0.02)
        result = self.node.result(job)
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "output_limit"))
        self.assertEqual(result["output"]["stdout"]["bytes"], size)
        self.assertTrue(result["output"]["stdout"]["truncated"])
        self.assertLess(most - before, 16 << 10)
        self.node.call("DELETE", f"/v1/jobs/{job}")

    def test_rights_over_limits_are_not_a_jobs(self):
        outcomes = self.node.attack("nice", "oom_score")
        self.assert_denied(outcomes)


in_modes(globals(), Limits)

if __name__ == "__main__":
    unittest.main()
