"""One libFuzzer program, run for a while: the common part of live.py and long.py.

A run works on a folder of its own beside the corpus of the repository, which is only read. What
made it fail is kept in a folder that the caller names. Sanitizers stop at the first report, the
undefined behaviour ones too, so that a finding is a failing run and never a line in a log.
"""
import os
import re
import subprocess
import time

# Slow is not a finding while the machine is busy with other things; endless is.
PATIENCE = 300
MEMORY_MB = 2048


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
    values["ASAN_OPTIONS"] = "allocator_may_return_null=1:detect_leaks=1"
    values["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
    return values


def fuzz(program, corpus, work, kept, seconds, seed=0):
    """Runs `program` for `seconds` over `work`, which grows, and `corpus`, which does not. A `seed`
    other than 0 makes the same program go through the same inputs again, as far as the time goes."""
    name = os.path.basename(program)
    os.makedirs(work, exist_ok=True)
    os.makedirs(kept, exist_ok=True)
    before = set(os.listdir(kept))
    command = [program, f"-seed={seed}", f"-max_total_time={seconds}", f"-timeout={PATIENCE}",
               f"-rss_limit_mb={MEMORY_MB}", f"-report_slow_units={PATIENCE}", "-print_final_stats=1",
               f"-artifact_prefix={kept}/{name}-", work, corpus]
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env=environment())
    log = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # Another target may put its own there meanwhile.
    findings = sorted(f"{kept}/{new}" for new in set(os.listdir(kept)) - before if new.startswith(name + "-"))
    return Run(process.returncode, log, findings, usage.ru_utime + usage.ru_stime,
               time.monotonic() - start)
