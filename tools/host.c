/* host: main of carat-tool. Policy first, then the sandbox, and only then the client's words.
 *
 *     carat-tool NAME --workspace DIR [--policy FILE | --policy-fd N] [--self-test | --run -- CMD
 * ...]
 *
 * It runs twice. The first run reads the policy and replaces itself by bubblewrap, which runs the
 * same program again in new namespaces, with --inside and the policy's text in a memfd: that way
 * the second run needs no file that the sandbox would have to show it, and reads what was checked.
 * The second run applies the other layers to itself and serves MCP on standard input and output.
 * Nothing of the input has been read before that point.
 *
 * Exit status: 0 end of input, 1 failure, 2 usage, 56 a sandbox layer cannot be had.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include "clip.h"
#include "decode.h"
#include "mcp_server.h"
#include "policy.h"
#include "proxy.h"
#include "sandbox.h"
#include "sandbox_relay.h"
#include "tool.h"
#include "workspace.h"

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_SANDBOX = 56,
    EXIT_NOT_RUNNABLE = 126,
    EXIT_NOT_FOUND = 127
};

struct family {
    const char *name;
    const struct tool *tools;
    enum sandbox_kind kind;
    /* No tools, but one thing to do: with standard input and output, or with the policy. */
    bool (*decode)(int input, int output, struct err *err);
    bool (*serve)(int input, const struct policy *policy, struct err *err);
    /* Loads what is wanted inside, before the layers that would forbid it; NULL = nothing is. */
    bool (*prepare)(struct err *err);
};

static const struct tool no_tools[] = {{.name = NULL}};

static const struct family families[] = {
    {.name = "shell", .tools = shell_tools, .kind = SANDBOX_COMMANDS},
    {.name = "files", .tools = file_tools, .kind = SANDBOX_FILES},
    {.name = "http", .tools = http_tools, .kind = SANDBOX_NETWORK, .prepare = http_fetch_prepare},
    /* Foreign, by --run; "network" opens it. */
    {.name = "server", .tools = no_tools, .kind = SANDBOX_COMMANDS},
    {.name = "decode-image", .tools = no_tools, .kind = SANDBOX_FILES, .decode = decode_image},
    {.name = "decode-sound", .tools = no_tools, .kind = SANDBOX_FILES, .decode = decode_sound},
    {.name = "decode-clip", .tools = no_tools, .kind = SANDBOX_COMMANDS, .decode = clip_decode},
    {.name = "proxy", .tools = no_tools, .kind = SANDBOX_NETWORK, .serve = proxy_run},
};

/* Other people's programs. The decoders and the proxy have no tools either, and are ours. */
static bool is_foreign(const struct family *family)
{
    return family->tools == no_tools && family->decode == NULL && family->serve == NULL;
}

struct arguments {
    const char *name; /* as given */
    const struct family *family;
    const char *only; /* one tool of the family; NULL = all */
    const char *workspace, *policy_path;
    int policy_fd; /* -1 = none */
    bool inside, self_test;
    uint64_t outside; /* PID namespace of the first stage */
    char **command;   /* --run: what to run instead of serving; NULL = none */
};

enum {
    OPTION_WORKSPACE = 1,
    OPTION_POLICY,
    OPTION_POLICY_FD,
    OPTION_SELF_TEST,
    OPTION_RUN,
    OPTION_INSIDE,
    OPTION_HELP
};

static const struct option options[] = {
    {"workspace", required_argument, NULL, OPTION_WORKSPACE},
    {"policy", required_argument, NULL, OPTION_POLICY},
    {"policy-fd", required_argument, NULL, OPTION_POLICY_FD},
    {"self-test", no_argument, NULL, OPTION_SELF_TEST},
    {"run", no_argument, NULL, OPTION_RUN},
    {"inside", required_argument, NULL, OPTION_INSIDE},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static const char help_text[] =
    "usage: carat-tool NAME --workspace DIR [--policy FILE | --policy-fd N] [--self-test]\n"
    "       carat-tool NAME --workspace DIR [--policy FILE | --policy-fd N] --run -- CMD ...\n"
    "\n"
    "Serves tools over MCP on standard input and output, from inside a sandbox.\n"
    "\n"
    "  NAME             a family (shell, files, http, server) or one tool of it (read_file, ...);\n"
    "                   decode-image, decode-sound, decode-clip: a file on standard input\n"
    "                   to pixels, samples, or pictures a second apart;\n"
    "                   proxy: the way of commands out, started by shell itself\n"
    "  --workspace DIR  the root of the file tools and the directory of the shell\n"
    "  --policy FILE    what this run may touch, as JSON; without it, the defaults\n"
    "  --policy-fd N    the same, from an open descriptor\n"
    "  --self-test      try each layer of the sandbox, print what held, and exit\n"
    "  --run -- CMD     run CMD in the sandbox of NAME, with our own input and output\n"
    "  --inside N       we are in the namespaces already (carat-tool says this to itself)\n"
    "  --help           print this\n"
    "\n"
    "Exit status: 0 end of input, 1 failure, 2 usage, 56 a sandbox layer cannot be had.\n";

static bool find_family(struct arguments *arguments)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        const struct family *family = &families[i];
        /* A family comes before a tool of the same name, which serves the same thing. */
        if (strcmp(family->name, arguments->name) == 0) {
            arguments->family = family;
            return true;
        }
        for (const struct tool *tool = family->tools; tool->name != NULL; tool++) {
            if (strcmp(tool->name, arguments->name) == 0) {
                arguments->family = family;
                arguments->only = tool->name;
                return true;
            }
        }
    }
    return false;
}

static bool parse_descriptor(const char *text, int *fd)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || *text == '\0' || *end != '\0' || number < 0 || number > INT_MAX) {
        return false;
    }
    *fd = (int)number;
    return true;
}

static bool usage_error(const char *what, const char *value)
{
    fprintf(stderr, "carat-tool: %s%s (carat-tool --help tells more)\n", what, value);
    return false;
}

/* False when the line makes no sense; getopt or we have said why. */
static bool parse_arguments(int argc, char **argv, struct arguments *arguments)
{
    int option;
    bool run = false;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPTION_WORKSPACE:
            arguments->workspace = optarg;
            break;
        case OPTION_POLICY:
            arguments->policy_path = optarg;
            break;
        case OPTION_POLICY_FD:
            if (!parse_descriptor(optarg, &arguments->policy_fd)) {
                return usage_error("--policy-fd needs the number of a descriptor, not ", optarg);
            }
            break;
        case OPTION_SELF_TEST:
            arguments->self_test = true;
            break;
        case OPTION_RUN:
            run = true;
            break;
        case OPTION_INSIDE:
            arguments->inside = true;
            arguments->outside = strtoull(optarg, NULL, 10);
            break;
        case OPTION_HELP:
            fputs(help_text, stdout);
            exit(0);
        default:
            return false;
        }
    }
    if (argc - optind < 1 || (!run && argc - optind > 1)) {
        return usage_error("exactly one NAME is needed", "");
    }
    if (run && argc - optind < 2) {
        return usage_error("--run needs a command after --", "");
    }
    arguments->name = argv[optind];
    arguments->command = run ? argv + optind + 1 : NULL;
    if (!find_family(arguments)) {
        return usage_error("no such tool: ", arguments->name);
    }
    if (is_foreign(arguments->family) && !run) {
        return usage_error("server needs --run -- CMD", "");
    }
    if (arguments->workspace == NULL) {
        return usage_error("--workspace is needed", "");
    }
    if (arguments->policy_path != NULL && arguments->policy_fd >= 0) {
        return usage_error("--policy and --policy-fd exclude each other", "");
    }
    return true;
}

/* The policy's text, because the second run needs it again. The descriptor is closed: nothing that
 * runs later is to find it. */
static bool read_policy(const struct arguments *arguments, struct str *text, struct err *err)
{
    if (arguments->policy_fd >= 0) {
        bool ok = policy_read_descriptor(arguments->policy_fd, text, err);
        close(arguments->policy_fd);
        return ok;
    }
    if (arguments->policy_path != NULL) {
        return file_read(arguments->policy_path, POLICY_LIMIT, text, err);
    }
    str_append(text, "{}");
    return true;
}

/* A memfd that survives exec, at its beginning; -1 on failure. */
static int policy_descriptor(const struct str *text, struct err *err)
{
    int fd = memfd_create("carat-policy", 0);
    size_t written = 0;
    while (fd >= 0 && written < text->length) {
        ssize_t count = write(fd, text->data + written, text->length - written);
        if (count < 0 && errno != EINTR) {
            break;
        }
        written += count > 0 ? (size_t)count : 0;
    }
    if (fd < 0 || written < text->length || lseek(fd, 0, SEEK_SET) != 0) {
        err_errno(err, ERR_IO, "handing on the policy");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

/* First run. Returns only on failure. */
static bool enter_namespaces(const struct arguments *arguments, const struct policy *policy,
                             const struct str *text, enum sandbox_kind kind, struct err *err)
{
    char program[PATH_MAX], number[16], outside[24];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0) {
        return err_errno(err, ERR_IO, "reading /proc/self/exe");
    }
    program[length] = '\0';
    int fd = policy_descriptor(text, err);
    if (fd < 0) {
        return false;
    }
    snprintf(number, sizeof number, "%d", fd);
    char *mode = arguments->self_test ? "--self-test" : arguments->command != NULL ? "--run" : NULL;
    snprintf(outside, sizeof outside, "%" PRIu64, sandbox_process_namespace());
    char *fixed[] = {program,           "--inside",    outside, "--workspace",
                     policy->workspace, "--policy-fd", number};
    enum { FIXED = sizeof fixed / sizeof fixed[0], NAMED = 3 };
    size_t extra = 0;
    while (arguments->command != NULL && arguments->command[extra] != NULL) {
        extra++;
    }
    char **words = mem_try_zero(FIXED + NAMED + extra + 1, sizeof *words);
    if (words == NULL) {
        close(fd);
        return err_set(err, ERR_MEMORY, "no memory for the command line");
    }
    memcpy(words, fixed, sizeof fixed);
    size_t count = FIXED;
    if (mode != NULL) {
        words[count++] = mode;
    }
    words[count++] = "--";
    words[count++] = (char *)arguments->name;
    for (size_t i = 0; i < extra; i++) {
        words[count++] = arguments->command[i];
    }
    enum sandbox_use use = arguments->command == NULL      ? SANDBOX_TOOL
                           : is_foreign(arguments->family) ? SANDBOX_SERVER
                                                           : SANDBOX_PROGRAM;
    sandbox_reexecute(policy, kind, use, words, fd, err);
    mem_free(words);
    close(fd);
    return false;
}

/* One line of JSON; 0 when every layer held. */
static int self_test(const struct policy *policy)
{
    json_t *report = policy->no_sandbox ? json_pack("{s:s}", "sandbox", "off (danger-full-access)")
                                        : sandbox_self_test(policy);
    bool held = json_object_size(report) > 0;
    const char *layer;
    json_t *verdict;
    json_object_foreach(report, layer, verdict)
    {
        const char *said = json_string_value(verdict);
        held = held && said != NULL && str_starts_with(said, "on");
    }
    char *line = json_dumps(report, JSON_COMPACT);
    bool printed = line != NULL && puts(line) >= 0 && fflush(stdout) == 0;
    free(line);
    json_decref(report);
    if (!printed) {
        return EXIT_FAILED;
    }
    return held ? 0 : EXIT_SANDBOX;
}

static int fail(const struct err *err)
{
    bool sandbox = err->code == ERR_UNAVAILABLE;
    fprintf(stderr, "carat-tool: %s%s\n", sandbox ? "sandbox unavailable: " : "", err->text);
    return sandbox ? EXIT_SANDBOX : EXIT_FAILED;
}

/* Every layer holds from here on. */
static int serve(const struct arguments *arguments, const struct policy *policy)
{
    struct err err;
    if (arguments->family->decode != NULL) {
        return arguments->family->decode(STDIN_FILENO, STDOUT_FILENO, &err) ? 0 : fail(&err);
    }
    if (arguments->family->serve != NULL) {
        return arguments->family->serve(STDIN_FILENO, policy, &err) ? 0 : fail(&err);
    }
    /* The file tools alone work through it; the shell's filter has no openat2 to open it with. */
    bool files = arguments->family->kind == SANDBOX_FILES;
    struct workspace *workspace = files ? workspace_open(policy->workspace, &err) : NULL;
    bool ok = !files || workspace != NULL;
    for (size_t i = 0; files && ok && i < policy->writable.count; i++) {
        ok = workspace_add(workspace, policy->writable.items[i], false, &err);
    }
    for (size_t i = 0; files && ok && i < policy->skills.count; i++) {
        struct err gone; /* since carat found it: then there is nothing to read */
        workspace_add(workspace, policy->skills.items[i], true, &gone);
    }
    if (!ok) {
        workspace_close(workspace);
        return fail(&err);
    }
    struct tool_context context = {.policy = policy,
                                   .workspace = workspace,
                                   .cancel_fd = -1,
                                   .memory_kills = sandbox_memory_kills};
    mcp_server_run(STDIN_FILENO, STDOUT_FILENO, arguments->family->tools, arguments->only,
                   &context);
    workspace_close(workspace);
    return 0;
}

static int run(const struct arguments *arguments, const struct policy *policy,
               const struct str *text)
{
    struct err err;
    /* Without an allowed host http_fetch only says so, and needs no network for that. */
    bool offline = arguments->family->kind == SANDBOX_NETWORK && policy->hosts.count == 0;
    bool opened = is_foreign(arguments->family) && policy->network;
    enum sandbox_kind kind = offline  ? SANDBOX_FILES
                             : opened ? SANDBOX_OPEN_COMMANDS
                                      : arguments->family->kind;
    if (!policy->no_sandbox) {
        if (!arguments->inside) {
            enter_namespaces(arguments, policy, text, kind, &err);
            return fail(&err);
        }
        bool (*prepare)(struct err *) = arguments->command != NULL ? sandbox_relay_inside
                                        : offline                  ? NULL
                                                                   : arguments->family->prepare;
        if (!sandbox_enter(policy, kind, arguments->outside, prepare, &err)) {
            return fail(&err);
        }
    }
    if (arguments->command != NULL) {
        /* Only here, inside: what a loader obeys must not reach what is still outside. */
        for (size_t i = 0; i < policy->environment.count; i++) {
            putenv(policy->environment.items[i]);
        }
        signal(SIGXFSZ, SIG_DFL); /* for it a limit is one */
        execvp(arguments->command[0], arguments->command);
        fprintf(stderr, "carat-tool: %s: %s\n", arguments->command[0], strerror(errno));
        return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE;
    }
    return arguments->self_test ? self_test(policy) : serve(arguments, policy);
}

/* Nobody looks whether a member of an answer could be made: one that is missing would be a lie. The
 * client is told of a tool that ended. */
static void *json_memory(size_t size)
{
    void *block = mem_try_alloc(size, 1);
    if (block == NULL) {
        fputs("carat-tool: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return block;
}

int main(int argc, char **argv)
{
    json_set_alloc_funcs(json_memory, mem_free);
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is an error to be told, EFBIG */
    struct arguments arguments = {.policy_fd = -1};
    if (!parse_arguments(argc, argv, &arguments)) {
        return EXIT_USAGE;
    }
    struct err err;
    struct policy policy;
    struct str text;
    str_init(&text);
    int status;
    if (read_policy(&arguments, &text, &err) &&
        policy_parse(&policy, text.data, text.length, arguments.workspace, &err)) {
        status = run(&arguments, &policy, &text);
        policy_finish(&policy);
    } else {
        status = fail(&err);
    }
    str_finish(&text);
    return status;
}
