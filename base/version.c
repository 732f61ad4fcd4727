#include <weft/base/version.h>

unsigned weft_version(void)
{
    return WEFT_VERSION;
}

const char *weft_version_string(void)
{
    return WEFT_VERSION_STRING;
}
