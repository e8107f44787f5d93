#!/usr/bin/env python3
"""Every attack, without the sandbox and inside it, as root and as an ordinary user: walls.py CARAT-TOOL ATTACK.

Without: it must succeed where this machine allows it to anyone; else it proves nothing and is not counted. Inside: it
must have no effect, seen from outside. Run as root the test does all of this twice, the second time as an ordinary user.
"""
import sys

from world import Programs, breaches, controls, users

# A machine may refuse these to everybody (a container, a kernel without the feature).
MACHINE_MAY_REFUSE = {"mount_tmpfs", "new_user_namespace", "core_pattern", "vsock", "bpf", "io_uring", "user_fault", "keyring",
                      "session_keyring", "multipath_tcp", "kobject_netlink", "tcp_fast_open", "sctp", "crypto_socket",
                      "x32_socket", "i386_socket", "performance_events", "uevent_helper", "release_agent", "cgroup_escape",
                      "sysrq_trigger", "raw_device", "character_device", "remount_root", "remount_root_as_new_user", "by_handle",
                      "packets", "raw_icmp", "attribute_outside", "type_into_terminal", "copy_of_mounts", "kernel_log",
                      "through_root_of_one", "trace_agent", "read_agent_memory_directly", "take_agent_descriptor", "many_processes"}
# And these to whoever is not root.
NEEDS_ROOT = {"read_shadow", "change_root", "host_name", "enter_agent_namespace"}


def main():
    programs = Programs(*sys.argv[1:3])
    failed = False
    try:
        for name, user in users():
            root = name == "root"
            working = controls(programs, user)
            idle = [case for case in programs.names() if case not in working]
            broken = [case for case in idle if case not in MACHINE_MAY_REFUSE and (root or case not in NEEDS_ROOT)]
            through = breaches(programs, user, working)
            print(f"{name}: {len(working) - len(through)} blocked of {len(working)} tried")
            print("  refused to all here, so not counted:", ", ".join(idle) or "none")
            for case in broken:
                print(f"  {case}: no effect even without the sandbox")
            for case, done in through.items():
                print(f"  {case}: got through: {', '.join(done)}")
            failed = failed or bool(broken) or bool(through)
    finally:
        programs.close()
    return 1 if failed else 0


sys.exit(main())
