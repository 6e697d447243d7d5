/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lines: interrupts that software raises, and the top half on them.
 */
#ifndef IRQLAB_DEFERRAL_C_LINE_H
#define IRQLAB_DEFERRAL_C_LINE_H

#include <linux/atomic.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/irqdomain.h>

struct mechanism;

/* How a line is simulated. */
struct line_kind {
	const char *name;
	struct irq_domain *(*create)(struct fwnode_handle *fwnode, unsigned int nr_lines);
	void (*remove)(struct irq_domain *domain);
};

/* A line of a controller of its own. */
struct line {
	const struct line_kind *kind;
	struct irq_domain *domain;
	unsigned int irq;
	struct mechanism *mechanism;
	/* What its top half has served. */
	atomic64_t raised;
	atomic64_t handled;
};

extern const struct line_kind line_kinds[];

int line_init(struct line *line, const struct line_kind *kind);
void line_exit(struct line *line);

/* @mechanism may be NULL: then the top half is all. */
int line_request(struct line *line, struct mechanism *mechanism);
void line_free(struct line *line);

/* Raises an interrupt of @line, on this CPU. */
static inline int line_raise(struct line *line)
{
	atomic64_inc(&line->raised);
	return irq_set_irqchip_state(line->irq, IRQCHIP_STATE_PENDING, true);
}

#endif
