#include <stdio.h> /* anything may come before it */

#define WEFT_IMPLEMENTATION
#include "weft.h"
