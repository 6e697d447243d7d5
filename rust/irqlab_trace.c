// SPDX-License-Identifier: GPL-2.0
/* The code behind the trace events that the header describes. */

#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "irqlab_trace.h"
