#define _GNU_SOURCE
#include "tools/output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void output_begin(void)
{
    /* 0 gets a stream that cannot be read, 1 one that cannot be written: open takes the lowest number that is free */
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0)
            (void)!open("/dev/null", stream == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
}

bool output_close(FILE *file)
{
    bool fine = !ferror(file); /* a write that failed earlier is forgotten by fclose */
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
