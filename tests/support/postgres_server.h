/*
 * A PostgreSQL server of the test's own: made in a temporary folder, reached by a socket in it, stopped and removed when the program ends,
 * however it ends. Root hands it to an unprivileged user, since PostgreSQL refuses to run as root.
 *
 *     const char *folder = postgres_start();        NULL, after a line that says why: no server program is installed
 *     postgres_address("shop", address, sizeof address);
 *     postgres_kill(); postgres_again();            kill -9, and up again on the same data
 *     postgres_standby();                           a second server that follows the first; postgres_promote() after the first was killed
 */
#ifndef TESTS_SUPPORT_POSTGRES_SERVER_H
#define TESTS_SUPPORT_POSTGRES_SERVER_H

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "support/check.h"

/* fsync is off: what is tested is processes that die, not power that fails. MERX_POSTGRES_FSYNC=on measures what it costs. */
typedef struct postgres_server {
    char programs[256]; /* folder of initdb and postgres */
    char folder[256], data[280];
    char standby_data[280];
    const char *fsync;
    pid_t owner, server, standby;
} postgres_server;

#define POSTGRES_STANDBY_PORT "5433"

static postgres_server postgres;

/* In a child: gives root's rights up, and dies with the test. */
static void postgres_become(bool dies)
{
    if (geteuid() == 0) {
        const struct passwd *user = getpwnam("postgres") != NULL ? getpwnam("postgres") : getpwnam("nobody");
        if (user == NULL || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
            _exit(120);
    }
    if (dies)
        prctl(PR_SET_PDEATHSIG, SIGQUIT);
    int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(121);
}

static void postgres_fail(const char *what)
{
    char path[300];
    snprintf(path, sizeof path, "%s/log", postgres.folder);
    char *log = access(path, R_OK) == 0 ? check_read_file(path, NULL) : NULL;
    size_t size = log != NULL ? strlen(log) : 0;
    fprintf(stderr, "PostgreSQL: %s\n%s\n", what, log != NULL ? log + (size > 3000 ? size - 3000 : 0) : "");
    free(log);
    exit(1);
}

/* A line of its own file says when a server takes connections. */
static bool postgres_is_ready(const char *data, pid_t server)
{
    char path[300];
    snprintf(path, sizeof path, "%s/postmaster.pid", data);
    if (access(path, R_OK) != 0)
        return false;
    char *text = check_read_file(path, NULL);
    bool ready = atoi(text) == (int)server && (strstr(text, "\nready") != NULL || strstr(text, "\nstandby") != NULL);
    free(text);
    return ready;
}

/* Starts a server on its data; whether it came up. */
static bool postgres_try(const char *data, const char *port, pid_t *server)
{
    char program[300], sockets[300], fsync_setting[32];

    snprintf(program, sizeof program, "%s/postgres", postgres.programs);
    snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", postgres.folder);
    snprintf(fsync_setting, sizeof fsync_setting, "fsync=%s", postgres.fsync);
    fflush(NULL);
    *server = fork();
    if (*server == 0) {
        if (chdir(postgres.folder) != 0)
            _exit(122);
        postgres_become(true);
        execl(program, program, "-D", data, "-p", port, "-c", sockets, "-c", "listen_addresses=", "-c", fsync_setting,
              "-c", "shared_buffers=128MB", "-c", "max_wal_size=4GB", "-c", "max_connections=40", (char *)NULL);
        _exit(123);
    }
    for (int i = 0; i < 6000; i++) {
        int how;
        if (postgres_is_ready(data, *server))
            return true;
        if (waitpid(*server, &how, WNOHANG) != 0) {
            *server = 0;
            return false;
        }
        usleep(10000);
    }
    return false;
}

/* Starts the server on its data and waits until it takes connections; tries again while processes of a killed one are still ending. */
CHECK_UNUSED static void postgres_again(void)
{
    for (int i = 0; i < 100; i++) {
        if (postgres_try(postgres.data, "5432", &postgres.server))
            return;
        usleep(100000);
    }
    postgres_fail("the server did not start");
}

/* kill -9 of the server and of every process of its, at once: stopped first, it can't start others meanwhile. */
CHECK_UNUSED static void postgres_kill(void)
{
    struct dirent *entry;
    pid_t killed[64];
    size_t n = 0;

    kill(postgres.server, SIGSTOP);
    DIR *processes = opendir("/proc");
    while (processes != NULL && (entry = readdir(processes)) != NULL) {
        char path[300], line[400] = "";
        snprintf(path, sizeof path, "/proc/%.20s/stat", entry->d_name);
        FILE *file = atoi(entry->d_name) > 0 ? fopen(path, "r") : NULL;
        if (file == NULL)
            continue;
        size_t got = fread(line, 1, sizeof line - 1, file);
        fclose(file);
        line[got] = '\0';
        const char *name_end = strrchr(line, ')'); /* "pid (name) state parent ..." */
        int parent = 0;
        if (name_end != NULL && sscanf(name_end + 1, " %*c %d", &parent) == 1 && parent == (int)postgres.server &&
            n < 64) {
            killed[n++] = (pid_t)atoi(entry->d_name);
            kill(killed[n - 1], SIGKILL);
        }
    }
    if (processes != NULL)
        closedir(processes);
    kill(postgres.server, SIGKILL);
    waitpid(postgres.server, NULL, 0);
    for (size_t i = 0; i < n; i++) /* ours since their parent died: postgres_start asked for that */
        waitpid(killed[i], NULL, 0);
    postgres.server = 0;
}

static void postgres_stop(void)
{
    if (postgres.owner != getpid())
        return;
    const pid_t servers[] = {postgres.server, postgres.standby};
    for (int i = 0; i < 2; i++) {
        if (servers[i] > 0) {
            kill(servers[i], SIGQUIT);
            waitpid(servers[i], NULL, 0);
        }
    }
    check_remove_folder(postgres.folder);
}

static bool postgres_find_programs(void)
{
    glob_t found = {0};
    const char *given = getenv("MERX_POSTGRES_PROGRAMS");

    if (given != NULL && *given != '\0') {
        snprintf(postgres.programs, sizeof postgres.programs, "%s", given);
        return true;
    }
    /* Debian keeps them out of PATH, a folder a version. */
    glob("/usr/lib/postgresql/*/bin/initdb", GLOB_NOSORT, NULL, &found);
    glob("/usr/local/pgsql/bin/initdb", GLOB_NOSORT | GLOB_APPEND, NULL, &found);
    glob("/usr/bin/initdb", GLOB_NOSORT | GLOB_APPEND, NULL, &found);
    bool any = found.gl_pathc > 0;
    if (any) {
        snprintf(postgres.programs, sizeof postgres.programs, "%s", found.gl_pathv[0]);
        *strrchr(postgres.programs, '/') = '\0';
    }
    globfree(&found);
    return any;
}

/* Runs one of PostgreSQL's programs to its end, in the server's folder. */
static void postgres_run(const char *name, const char *const *words)
{
    char program[300];
    const char *arguments[16] = {program};
    int how, n = 1;

    snprintf(program, sizeof program, "%s/%s", postgres.programs, name);
    while (n < 15 && words[n - 1] != NULL)
        arguments[n] = words[n - 1], n++;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(postgres.folder) != 0)
            _exit(122);
        postgres_become(false);
        execv(program, (char *const *)(uintptr_t)arguments);
        _exit(123);
    }
    if (waitpid(child, &how, 0) != child || !WIFEXITED(how) || WEXITSTATUS(how) != 0)
        postgres_fail(name);
}

static void postgres_make(void)
{
    const char *const words[] = {
        "-D",        postgres.data,       "-U", "merx", "--auth=trust", "--encoding=UTF8", "--locale=C",
        "--no-sync", "--no-instructions", NULL};
    postgres_run("initdb", words);
}

/* A server that follows the first, reached at the same socket folder and POSTGRES_STANDBY_PORT. */
CHECK_UNUSED static void postgres_standby(void)
{
    snprintf(postgres.standby_data, sizeof postgres.standby_data, "%s/standby", postgres.folder);
    const char *const words[] = {"-D",        postgres.standby_data,
                                 "-h",        postgres.folder,
                                 "-U",        "merx",
                                 "-R",        "-X",
                                 "stream",    "--checkpoint=fast",
                                 "--no-sync", NULL};
    postgres_run("pg_basebackup", words);
    if (!postgres_try(postgres.standby_data, POSTGRES_STANDBY_PORT, &postgres.standby))
        postgres_fail("the standby did not start");
}

CHECK_UNUSED static void postgres_promote(void)
{
    const char *const words[] = {"promote", "-D", postgres.standby_data, NULL};
    postgres_run("pg_ctl", words);
}

/* The server's folder; NULL when no server program is there. Once per program. */
CHECK_UNUSED static const char *postgres_start(void)
{
    const char *fsync_wanted = getenv("MERX_POSTGRES_FSYNC");

    if (postgres.owner != 0)
        return postgres.folder;
    if (!postgres_find_programs()) {
        printf("skipped: no PostgreSQL server is installed (initdb)\n");
        return NULL;
    }
    postgres.fsync = fsync_wanted != NULL && strcmp(fsync_wanted, "on") == 0 ? "on" : "off";
    check_make_folder(postgres.folder);
    snprintf(postgres.data, sizeof postgres.data, "%s/data", postgres.folder);
    if (geteuid() == 0) {
        const struct passwd *user = getpwnam("postgres") != NULL ? getpwnam("postgres") : getpwnam("nobody");
        if (user == NULL || chown(postgres.folder, user->pw_uid, user->pw_gid) != 0)
            postgres_fail("there is no user postgres or nobody to run the server as");
    }
    postgres.owner = getpid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    atexit(postgres_stop);
    postgres_make();
    postgres_again();
    return postgres.folder;
}

/* The address of a shop's records on it: schema NAME (lower case) of its database postgres. */
CHECK_UNUSED static void postgres_address(const char *name, char *address, size_t size)
{
    snprintf(address, size, "postgresql://merx@/postgres?host=%s&schema=%s", postgres.folder, name);
}

#endif
