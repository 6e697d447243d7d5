/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's own trace events, in the group "irqlab". rust/trace.rs says what each of them tells.
 * Rust's strings have a length and no end: hence two arguments for each.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM irqlab

#if !defined(IRQLAB_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define IRQLAB_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(raise,
	TP_PROTO(const char *line, size_t line_len, const char *mechanism, size_t mechanism_len, u64 event),
	TP_ARGS(line, line_len, mechanism, mechanism_len, event),
	TP_STRUCT__entry(
		__string_len(line, line, line_len)
		__string_len(mechanism, mechanism, mechanism_len)
		__field(u64, event)
	),
	TP_fast_assign(
		__assign_str(line);
		__assign_str(mechanism);
		__entry->event = event;
	),
	TP_printk("line=%s mechanism=%s event=%llu", __get_str(line), __get_str(mechanism), __entry->event)
);

TRACE_EVENT(top,
	TP_PROTO(const char *line, size_t line_len, const char *mechanism, size_t mechanism_len, u64 event,
		 u64 latency_ns),
	TP_ARGS(line, line_len, mechanism, mechanism_len, event, latency_ns),
	TP_STRUCT__entry(
		__string_len(line, line, line_len)
		__string_len(mechanism, mechanism, mechanism_len)
		__field(u64, event)
		__field(u64, latency_ns)
	),
	TP_fast_assign(
		__assign_str(line);
		__assign_str(mechanism);
		__entry->event = event;
		__entry->latency_ns = latency_ns;
	),
	TP_printk("line=%s mechanism=%s event=%llu latency_ns=%llu", __get_str(line), __get_str(mechanism),
		  __entry->event, __entry->latency_ns)
);

DECLARE_EVENT_CLASS(behind_top_half,
	TP_PROTO(const char *mechanism, size_t mechanism_len, u64 event, u64 latency_ns),
	TP_ARGS(mechanism, mechanism_len, event, latency_ns),
	TP_STRUCT__entry(
		__string_len(mechanism, mechanism, mechanism_len)
		__field(u64, event)
		__field(u64, latency_ns)
	),
	TP_fast_assign(
		__assign_str(mechanism);
		__entry->event = event;
		__entry->latency_ns = latency_ns;
	),
	TP_printk("mechanism=%s event=%llu latency_ns=%llu", __get_str(mechanism), __entry->event,
		  __entry->latency_ns)
);

DEFINE_EVENT(behind_top_half, bottom,
	TP_PROTO(const char *mechanism, size_t mechanism_len, u64 event, u64 latency_ns),
	TP_ARGS(mechanism, mechanism_len, event, latency_ns)
);

DEFINE_EVENT(behind_top_half, wake,
	TP_PROTO(const char *mechanism, size_t mechanism_len, u64 event, u64 latency_ns),
	TP_ARGS(mechanism, mechanism_len, event, latency_ns)
);

TRACE_EVENT(call_send,
	TP_PROTO(const char *kind, size_t kind_len, int target),
	TP_ARGS(kind, kind_len, target),
	TP_STRUCT__entry(
		__string_len(kind, kind, kind_len)
		__field(int, target)
	),
	TP_fast_assign(
		__assign_str(kind);
		__entry->target = target;
	),
	TP_printk("kind=%s target=%d", __get_str(kind), __entry->target)
);

TRACE_EVENT(call_run,
	TP_PROTO(const char *kind, size_t kind_len, bool in_hardirq),
	TP_ARGS(kind, kind_len, in_hardirq),
	TP_STRUCT__entry(
		__string_len(kind, kind, kind_len)
		__field(bool, in_hardirq)
	),
	TP_fast_assign(
		__assign_str(kind);
		__entry->in_hardirq = in_hardirq;
	),
	TP_printk("kind=%s in_hardirq=%d", __get_str(kind), __entry->in_hardirq)
);

TRACE_EVENT(fault,
	TP_PROTO(u8 vector, u64 error_code, unsigned long address, unsigned long ip, unsigned long fixup),
	TP_ARGS(vector, error_code, address, ip, fixup),
	TP_STRUCT__entry(
		__field(u8, vector)
		__field(u64, error_code)
		__field(unsigned long, address)
		__field(unsigned long, ip)
		__field(unsigned long, fixup)
	),
	TP_fast_assign(
		__entry->vector = vector;
		__entry->error_code = error_code;
		__entry->address = address;
		__entry->ip = ip;
		__entry->fixup = fixup;
	),
	TP_printk("vector=%u error_code=0x%llx address=0x%lx ip=%pS fixup=%pS", __entry->vector,
		  __entry->error_code, __entry->address, (void *)__entry->ip, (void *)__entry->fixup)
);

TRACE_EVENT(verdict,
	TP_PROTO(const char *id, size_t id_len, const char *verdict, size_t verdict_len, bool is_control),
	TP_ARGS(id, id_len, verdict, verdict_len, is_control),
	TP_STRUCT__entry(
		__string_len(id, id, id_len)
		__string_len(verdict, verdict, verdict_len)
		__field(bool, is_control)
	),
	TP_fast_assign(
		__assign_str(id);
		__assign_str(verdict);
		__entry->is_control = is_control;
	),
	TP_printk("id=%s verdict=%s is_control=%d", __get_str(id), __get_str(verdict), __entry->is_control)
);

#endif /* IRQLAB_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE irqlab_trace
#include <trace/define_trace.h>
