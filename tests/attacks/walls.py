"""Every attack on the sandbox alone, without it and inside it, as root and as an ordinary user; suite.py counts them.

Without: it must succeed where this machine allows it to anyone; else it proves nothing and is not counted. Inside: it
must have no effect, seen from outside. Run as root the test does all of this twice, the second time as an ordinary user.
"""
from world import breaches, controls, users

# A machine may refuse these to everybody (a container, a kernel without the feature).
MACHINE_MAY_REFUSE = {"mount_tmpfs", "new_user_namespace", "core_pattern", "vsock", "bpf", "io_uring", "user_fault", "keyring",
                      "session_keyring", "multipath_tcp", "wide_multipath_tcp", "kobject_netlink", "tcp_fast_open", "sctp", "crypto_socket",
                      "x32_socket", "i386_socket", "performance_events", "uevent_helper", "release_agent", "cgroup_escape",
                      "sysrq_trigger", "raw_device", "character_device", "remount_root", "remount_root_as_new_user", "by_handle",
                      "packets", "raw_icmp", "attribute_outside", "type_into_terminal", "type_into_own_terminal", "copy_of_mounts", "kernel_log",
                      "through_root_of_one", "trace_agent", "read_agent_memory_directly", "take_agent_descriptor", "many_processes"}
# And these to whoever is not root.
NEEDS_ROOT = {"read_shadow", "change_root", "host_name", "enter_agent_namespace"}


def blocked(programs):
    """How many were blocked, of how many tried, and what is wrong, for each user who tries."""
    stopped, tried, wrong = 0, 0, []
    for name, user in users():
        working = controls(programs, user)
        idle = [case for case in programs.names() if case not in working]
        through = breaches(programs, user, working)
        print(f"{name}, the sandbox alone: {len(working) - len(through)} blocked of {len(working)} tried; refused to all here: "
              f"{', '.join(idle) or 'none'}", flush=True)
        stopped, tried = stopped + len(working) - len(through), tried + len(working)
        wrong += [f"{name}: {case}: no effect even without the sandbox" for case in idle
                  if case not in MACHINE_MAY_REFUSE and (name == "root" or case not in NEEDS_ROOT)]
        wrong += [f"{name}: {case}: got through: {', '.join(done)}" for case, done in through.items()]
    return stopped, tried, wrong
