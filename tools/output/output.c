#define _GNU_SOURCE
#include "tools/output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void output_begin(void)
{
    /* 0 becomes unreadable, 1 unwritable, 2 discards its output: open takes the lowest free number */
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0)
            (void)!open("/dev/null", stream == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
}

bool output_close(FILE *file)
{
    bool fine = !ferror(file); /* fclose does not report an earlier write that failed */
    errno = 0;
    return fclose(file) == 0 && fine;
}

bool output_written(const char *program)
{
    if (output_close(stdout))
        return true;
    fprintf(stderr, "%s: the result could not be written to standard output%s%s\n", program, errno ? ": " : "",
            errno ? strerror(errno) : "");
    return false;
}

bool output_possible(const char *path)
{
    bool was_there = access(path, F_OK) == 0;
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        return false;
    close(file);
    if (!was_there)
        unlink(path);
    return true;
}

static bool open_beside(output_file *file)
{
    mode_t mask = umask(0);
    umask(mask);
    if (asprintf(&file->temporary, "%s.XXXXXX", file->path) < 0)
        file->temporary = NULL;
    int number = file->temporary ? mkstemp(file->temporary) : -1;
    if (number >= 0 && fchmod(number, 0666 & ~mask) == 0 && (file->stream = fdopen(number, "w")) != NULL)
        return true;
    if (number >= 0) {
        close(number);
        unlink(file->temporary);
    }
    free(file->temporary);
    file->temporary = NULL;
    return false;
}

bool output_open(output_file *file, const char *path)
{
    struct stat what;
    bool regular = stat(path, &what) < 0 || S_ISREG(what.st_mode);
    *file = (output_file){.path = realpath(path, NULL)}; /* replaces the target of a link, not the link */
    if (!file->path && !(file->path = strdup(path)))
        return false;
    if (!output_possible(path) || (!(regular && open_beside(file)) && !(file->stream = fopen(path, "w")))) {
        free(file->path);
        return false;
    }
    return true;
}

bool output_commit(output_file *file)
{
    bool fine = output_close(file->stream);
    int error = errno;
    if (file->temporary) {
        if (fine && rename(file->temporary, file->path) != 0) {
            fine = false;
            error = errno;
        }
        if (!fine)
            unlink(file->temporary);
    }
    free(file->temporary);
    free(file->path);
    errno = error;
    return fine;
}
