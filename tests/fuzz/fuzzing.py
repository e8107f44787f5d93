"""One libFuzzer program, run for a while: the common part of live.py and long.py.

The corpus of the repository is only read. What made a run fail is kept in a folder that the caller
names. Sanitizers stop at the first report, the undefined behaviour ones too, so that a finding is a
failing run and never a line in a log.
"""
import os
import re
import signal
import subprocess
import tempfile
import time

# Of one input. No target needs a second for one; a machine that is busy with other things may
# stretch that, and slow is no finding then. Endless is.
PATIENCE = 20
MEMORY_MB = 512
# So many times its seconds of a processor a run may last where others want one too.
SHARE = 7
# A target's own files, and nothing of libFuzzer's, come and go with each input: not on a disk.
FILES = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Run:
    """What came of it: `findings` are the files kept, `log` is all that the program said."""

    def __init__(self, code, log, findings, processor_seconds, wall_seconds):
        self.code = code
        self.log = log
        self.findings = findings
        self.processor_seconds = processor_seconds
        self.wall_seconds = wall_seconds

    def number(self, pattern):
        found = re.findall(pattern, self.log)
        return int(found[-1]) if found else 0

    @property
    def executions(self):
        return self.number(r"stat::number_of_executed_units:\s+(\d+)") or self.number(
            r"(?m)^#(\d+)\s")

    @property
    def edges(self):
        return self.number(r" cov: (\d+)")

    @property
    def failed(self):
        return self.code != 0 or bool(self.findings)


def environment():
    values = dict(os.environ)
    # What is freed is kept from use for 32 MB, which is more than most runs of an input allocate,
    # and not for 256: caches hold it.
    values["ASAN_OPTIONS"] = "allocator_may_return_null=1:detect_leaks=1:quarantine_size_mb=32"
    values["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
    return values


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        ticks = stat.read().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def wait(process, seconds):
    """Until it ends, or has had so much of a processor: then it is asked to."""
    asked = False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid != 0:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime
        if not asked and processor_seconds(process.pid) >= seconds:
            process.send_signal(signal.SIGUSR1)
            asked = True
        time.sleep(0.05)


def fuzz(program, inputs, kept, seconds, runs=-1, seed=0):
    """Runs `program` for `runs` executions (-1: as many as there is time for) or `seconds` of a
    processor. `inputs` are libFuzzer's own arguments that say where they are. A `seed` other than 0
    makes the same program go through the same inputs again, as far as it comes."""
    name = os.path.basename(program)
    os.makedirs(kept, exist_ok=True)
    before = set(os.listdir(kept))
    command = [os.path.abspath(program), f"-seed={seed}", f"-runs={runs}", f"-timeout={PATIENCE}",
               f"-max_total_time={round(seconds * SHARE)}",
               f"-rss_limit_mb={MEMORY_MB}", f"-report_slow_units={PATIENCE}", "-reload=0",
               "-print_final_stats=1", f"-artifact_prefix={os.path.abspath(kept)}/{name}-", *inputs]
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="carat-fuzz-", dir=FILES) as files, \
            tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=files, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, env=environment())
        used = wait(process, seconds)
        output.seek(0)
        log = output.read().decode(errors="replace")
    # Another target may put its own there meanwhile.
    findings = sorted(f"{kept}/{new}" for new in set(os.listdir(kept)) - before if new.startswith(name + "-"))
    return Run(process.returncode, log, findings, used, time.monotonic() - start)
