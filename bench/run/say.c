#include "bench/run/say.h"

#include <stdarg.h>
#include <stdio.h>

void bench_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("weft bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}
