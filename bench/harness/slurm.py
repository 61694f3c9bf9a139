"""srun against a Slurm of our own: one node, no accounting, no delays."""

import os
import socket
import subprocess

from harness import proc
from harness.peers import Peer, find, missing, wait_for

CONFIG = """\
ClusterName=bench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={directory}/munge.socket
CredType=cred/munge
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=64 RealMemory=1000 State=UNKNOWN
PartitionName=bench Nodes={host} Default=YES OverSubscribe=NO State=UP
"""


class Slurm(Peer):
    name = "srun"
    jobs = {1: 20, 16: 48}

    def reason_to_skip(self):
        if os.geteuid() != 0:
            return "needs root for a private slurmd"
        return missing("munged", "slurmctld", "slurmd", "srun", "sinfo")

    def start(self):
        self.directory = os.path.join(self.directory, "slurm")
        os.makedirs(self.directory, mode=0o755)
        self._start_munge()
        self._write_config()
        self.environment = dict(os.environ,
                                SLURM_CONF=f"{self.directory}/slurm.conf")
        self.daemon([find("slurmctld"), "-D", "-c"], env=self.environment)
        self.daemon([find("slurmd"), "-D", "-N", self.host],
                    env=self.environment)
        wait_for(self._is_idle, "slurmd")

    def _start_munge(self):
        key = f"{self.directory}/munge.key"
        with open(key, "wb") as file:
            file.write(os.urandom(1024))
        os.chmod(key, 0o400)
        self.daemon([find("munged"), "-F", "--force", f"--key-file={key}",
                     f"--socket={self.directory}/munge.socket",
                     f"--pid-file={self.directory}/munged.pid",
                     f"--log-file={self.directory}/munged.log",
                     f"--seed-file={self.directory}/munged.seed"])
        wait_for(lambda: os.path.exists(f"{self.directory}/munge.socket"),
                 "munged")

    def _write_config(self):
        self.host = socket.gethostname().partition(".")[0]
        for name in ("state", "spool"):
            os.makedirs(f"{self.directory}/{name}", mode=0o700)
        text = CONFIG.format(host=self.host,
                             control_port=proc.free_port(),
                             node_port=proc.free_port(),
                             directory=self.directory)
        with open(f"{self.directory}/slurm.conf", "w", encoding="utf-8") as file:
            file.write(text)
        with open(f"{self.directory}/cgroup.conf", "w", encoding="utf-8") as file:
            file.write("CgroupMountpoint=/sys/fs/cgroup\n")

    def _is_idle(self):
        state = subprocess.run(["sinfo", "-h", "-o", "%T"], env=self.environment,
                               capture_output=True, check=False).stdout
        return state.strip() == b"idle"

    def run(self, total, in_flight):
        return self.each(total, in_flight, [
            "env", f"SLURM_CONF={self.directory}/slurm.conf",
            "srun", "-n1", "true"])
