/* private. The machine's memory, and the state that an execution begins with. */
#ifndef WEFT_CHECK_MODEL_IMAGE_H
#define WEFT_CHECK_MODEL_IMAGE_H

#include "check/model/state.h"

void m_start_machine(void);
void m_keep_image(image *i);
void m_put_back(const image *i);

#endif
