/* policy: what this run of a tool may touch. A JSON file that the agent writes, nobody else.
 *
 * {
 *   "workspace": "/abs",            the root of the file tools and the directory of the shell
 *   "writable": ["/abs", ...],      directories that may be written besides the workspace
 *   "readable": ["/abs", ...],      directories under $HOME that are shown again, read-only
 *   "skills": ["/abs", ...],        the same for all tools, the file tools' too; one may be gone
 *   "hidden": ["/abs", ...],        hidden besides the defaults: $HOME, /tmp, /run
 *   "kept": ["/abs", ...],          only read, wherever they lie in what may be written
 *   "denied": ["secrets/", ...],    left out by listing and searching, as .gitignore would;
 *                                   "//abs" is a whole path, of another directory
 *   "read_only": false,             true: the workspace too may only be read
 *   "network": false,               true: a foreign server gets the host's network
 *   "environment": ["NAME=VALUE"],  added for --run, inside
 *   "hosts": ["example.org", "*.example.net:8443"],   http_fetch; none = no network
 *   "redirects": "all",             which http_fetch follows; "place": those of the same host and
 *                                   port; "none"; the others are told
 *   "network_hosts": ["example.org:443"],   what the shell's commands may reach, by our proxy
 *   "limits": {"seconds": 120, "output_bytes": 268435456, "memory_bytes": 8589934592,
 *              "processes": 4096, "file_bytes": 2147483648, "background_seconds": 0,
 *              "call_seconds": 60},
 *   "result_tokens": 800,           cap of one result, at 4 bytes a token
 *   "keep_whole": false,            a result that is cut also holds all that was kept ("whole")
 *   "job": false,                   a command is waited for with all that it put into the
 *                                   background; repositories are read-only
 *   "sandbox": "full"               or "danger-full-access": no layers; only ever from the user's
 *                                   own command line
 * }
 * Every key has a default; an unknown key or a wrong type is an error that names it.
 */
#ifndef CARAT_TOOLS_POLICY_H
#define CARAT_TOOLS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;

/* So long may the text of a policy be. */
enum { POLICY_LIMIT = 1024 * 1024 };

struct policy_list {
    char **items;
    size_t count, capacity;
};

/* A copy of the text. */
void policy_list_add(struct policy_list *list, const char *text);
/* An empty list afterwards. */
void policy_list_finish(struct policy_list *list);

enum policy_redirects { POLICY_REDIRECTS_ALL, POLICY_REDIRECTS_PLACE, POLICY_REDIRECTS_NONE };

struct policy {
    char *workspace; /* absolute, symlinks resolved */
    struct policy_list writable, readable, skills, hidden, kept, denied, hosts, network_hosts,
        environment;
    enum policy_redirects redirects;
    bool network;
    bool read_only;
    bool keep_whole;  /* for a client that keeps it: carat itself */
    bool job;         /* the shell's call ends when nothing of the command runs any more */
    bool no_sandbox;  /* "danger-full-access" */
    int seconds;      /* a command's wall clock, most that timeout_s may ask for */
    int call_seconds; /* of it, for one that asks for none and is waited for */
    /* What it has in place of that once the client says that nobody waits for it any more; 0 = it
     * keeps what it has. */
    int background_seconds;
    int64_t output_bytes; /* of one command, beyond which it is stopped */
    int64_t memory_bytes; /* of all processes of a call together */
    int64_t file_bytes;
    int processes; /* and threads */
    int result_tokens;
};

/* `workspace` (from the command line; NULL = none) wins over the file's. */
bool policy_parse(struct policy *policy, const char *json, size_t length, const char *workspace,
                  struct err *err);
/* Appends the text of a policy that is handed over as a descriptor (file, memfd or pipe), up to the
 * same cap of 1 MiB. The host keeps the text, because the second stage reads it again. */
bool policy_read_descriptor(int fd, struct str *text, struct err *err);
/* All zeros afterwards; a policy that is all zeros is fine. */
void policy_finish(struct policy *policy);

#endif
