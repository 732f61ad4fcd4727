#include <weft/reclaim/right.h>

bool weft_i_attend(weft_i_record *record)
{
    weft_i_full_fence();
    return weft_i_load(&record->thread.attention, LOCAL_A1) < WEFT_I_TAKER;
}

bool weft_i_wait_until_idle(weft_i_record *owner)
{
    for (int turns = 0; weft_i_load(&owner->operation.domain, LOCAL_A2); turns++) {
        if (turns == WEFT_TAKER_TURNS)
            return false;
        weft_i_sys_yield();
    }
    return true;
}
