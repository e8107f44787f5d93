/* command_trust: the yes is only ever typed on a terminal, after the file was shown. */
#include "command/command_trust.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/notice.h"
#include "app/paths.h"
#include "app/project_servers.h"
#include "base/err.h"

static bool find_workspace(const struct config *config, char workspace[PATH_MAX])
{
    const char *wanted = config_string(config, OPTION_CD);
    return realpath(wanted != NULL ? wanted : ".", workspace) != NULL;
}

static enum exit_code decide(const struct config *config, const struct paths *paths,
                             const char *workspace, bool refuse, struct err *err)
{
    struct project_servers project;
    project_servers_init(&project);
    enum exit_code code = EXIT_CODE_FAILURE;
    if (!project_servers_read(&project, workspace, err)) {
        notice_print(err->text);
    } else if (!project.there) {
        fprintf(stderr, "carat: there is no .mcp.json here\n");
    } else if (!refuse && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))) {
        fprintf(stderr, "carat: trust is given on a terminal alone\n");
    } else {
        bool yes = !refuse && project_servers_ask(&project, workspace, &config->servers);
        if (project_servers_decide(&project, paths->trust_file, workspace, yes, err)) {
            printf("%s\n", yes ? "Trusted: its servers start with the next conversation here."
                               : "Not trusted: its servers are not started.");
            code = EXIT_CODE_OK;
        } else {
            notice_print(err->text);
        }
    }
    project_servers_finish(&project);
    return code;
}

enum exit_code command_trust(struct config *config)
{
    char workspace[PATH_MAX];
    struct paths paths;
    struct err err = {0};
    bool refuse = config->words.count == 2 && strcmp(config->words.items[1], "no") == 0;
    if ((config->words.count != 1 && !refuse) || !find_workspace(config, workspace)) {
        fprintf(stderr, "carat: say carat trust, or carat trust no\n");
        return EXIT_CODE_USAGE;
    }
    if (!paths_find(&paths, &err)) {
        notice_print(err.text);
        return EXIT_CODE_FAILURE;
    }
    enum exit_code code = decide(config, &paths, workspace, refuse, &err);
    paths_finish(&paths);
    return code;
}

void command_trust_ask_once(const struct config *config)
{
    char workspace[PATH_MAX];
    struct paths paths;
    struct err err = {0};
    struct project_servers project;
    if (!find_workspace(config, workspace) || !paths_find(&paths, &err)) {
        return; /* app_open says what is wrong */
    }
    project_servers_init(&project);
    if (project_servers_read(&project, workspace, &err) && project.there &&
        project_servers_trust(&project, paths.trust_file, workspace) == PROJECT_UNKNOWN) {
        bool yes = project_servers_ask(&project, workspace, &config->servers);
        if (!project_servers_decide(&project, paths.trust_file, workspace, yes, &err)) {
            notice_print(err.text);
        }
    }
    project_servers_finish(&project);
    paths_finish(&paths);
}
