// SPDX-License-Identifier: GPL-2.0
/*
 * Lines, of two kinds of controller that software raises interrupts of. "sim" can do what irqlab's lines of that
 * name can: keep an interrupt that comes while the line is masked, and send it to another CPU. "irqsim" is the
 * kernel's own.
 */

#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/irq_sim.h>
#include <linux/slab.h>

#include "line.h"
#include "mechanism.h"

/* ---- The controller ----------------------------------------------------------------------------- */

/* What the controller knows of a line. The kernel has the line's lock whenever it calls the chip. */
struct sim {
	struct irq_work work;
	struct irq_domain *domain;
	irq_hw_number_t hwirq;
	bool is_started;
	bool is_masked;
	/* Bit 0: an interrupt is to arrive. Taken without the lock. */
	unsigned long latch;
};

/* Where the interrupt was sent. It stays latched while the line is masked. */
static void sim_arrive(struct irq_work *work)
{
	struct sim *sim = container_of(work, struct sim, work);

	if (!READ_ONCE(sim->is_masked) && test_and_clear_bit(0, &sim->latch))
		generic_handle_demux_domain_irq(sim->domain, sim->hwirq);
}

static unsigned int sim_startup(struct irq_data *data)
{
	struct sim *sim = irq_data_get_irq_chip_data(data);

	clear_bit(0, &sim->latch);
	sim->is_started = true;
	WRITE_ONCE(sim->is_masked, false);
	return 0;
}

static void sim_shutdown(struct irq_data *data)
{
	struct sim *sim = irq_data_get_irq_chip_data(data);

	sim->is_started = false;
	WRITE_ONCE(sim->is_masked, true);
}

static void sim_mask(struct irq_data *data)
{
	struct sim *sim = irq_data_get_irq_chip_data(data);

	WRITE_ONCE(sim->is_masked, true);
}

static void sim_unmask(struct irq_data *data)
{
	struct sim *sim = irq_data_get_irq_chip_data(data);

	WRITE_ONCE(sim->is_masked, false);
	/* sim_arrive() may have found it masked. */
	if (test_bit(0, &sim->latch))
		irq_work_queue(&sim->work);
}

static void sim_ack(struct irq_data *data)
{
}

static int sim_set_state(struct irq_data *data, enum irqchip_irq_state which, bool is_set)
{
	struct sim *sim = irq_data_get_irq_chip_data(data);

	if (which != IRQCHIP_STATE_PENDING)
		return -EINVAL;
	if (!is_set) {
		clear_bit(0, &sim->latch);
		return 0;
	}
	if (!sim->is_started)
		return -ENXIO;
	set_bit(0, &sim->latch);
	if (!sim->is_masked)
		irq_work_queue(&sim->work);
	return 0;
}

/* The kernel would do it in a tasklet. */
static int sim_retrigger(struct irq_data *data)
{
	return !sim_set_state(data, IRQCHIP_STATE_PENDING, true);
}

static const struct irq_chip sim_chip = {
	.name			= "irqlab_c",
	.irq_startup		= sim_startup,
	.irq_shutdown		= sim_shutdown,
	.irq_mask		= sim_mask,
	.irq_unmask		= sim_unmask,
	.irq_ack		= sim_ack,
	.irq_retrigger		= sim_retrigger,
	.irq_set_affinity	= irq_chip_redirect_set_affinity,
	.irq_set_irqchip_state	= sim_set_state,
	.flags			= IRQCHIP_IMMUTABLE,
};

static int sim_map(struct irq_domain *domain, unsigned int irq, irq_hw_number_t hwirq)
{
	struct sim *sim = kzalloc_obj(*sim);

	if (!sim)
		return -ENOMEM;
	sim->work = IRQ_WORK_INIT_HARD(sim_arrive);
	sim->domain = domain;
	sim->hwirq = hwirq;
	sim->is_masked = true;
	irq_domain_set_info(domain, irq, hwirq, &sim_chip, sim, handle_edge_irq, NULL, "edge");
	irq_set_noprobe(irq);
	return 0;
}

static void sim_unmap(struct irq_domain *domain, unsigned int irq)
{
	struct sim *sim = irq_get_chip_data(irq);

	/* What is on its way finds the line, or nothing at all. */
	irq_work_sync(&sim->work);
	irq_domain_set_info(domain, irq, sim->hwirq, NULL, NULL, NULL, NULL, NULL);
	kfree(sim);
}

static const struct irq_domain_ops sim_ops = {
	.map	= sim_map,
	.unmap	= sim_unmap,
};

static struct irq_domain *sim_create(struct fwnode_handle *fwnode, unsigned int nr_lines)
{
	return irq_domain_create_linear(fwnode, nr_lines, &sim_ops, NULL) ?: ERR_PTR(-ENOMEM);
}

const struct line_kind line_kinds[] = {
	{ .name = "sim", .create = sim_create, .remove = irq_domain_remove },
#ifdef CONFIG_IRQ_SIM
	{ .name = "irqsim", .create = irq_domain_create_sim, .remove = irq_domain_remove_sim },
#endif
	{}
};

int line_init(struct line *line, const struct line_kind *kind)
{
	*line = (struct line) { .kind = kind };
	line->domain = kind->create(NULL, 1);
	if (IS_ERR(line->domain))
		return PTR_ERR(line->domain);
	line->irq = irq_create_mapping(line->domain, 0);
	if (!line->irq) {
		kind->remove(line->domain);
		return -ENOMEM;
	}
	return 0;
}

void line_exit(struct line *line)
{
	irq_dispose_mapping(line->irq);
	line->kind->remove(line->domain);
}

/* ---- The top half ------------------------------------------------------------------------------- */

static irqreturn_t top_half(int irq, void *dev_id)
{
	struct line *line = dev_id;
	struct mechanism *mechanism = line->mechanism;

	atomic64_inc(&line->handled);
	record_top(&mechanism->record);
	return mechanism->kind->defer(mechanism);
}

/* The same without a mechanism. */
static irqreturn_t counting_top_half(int irq, void *dev_id)
{
	struct line *line = dev_id;

	atomic64_inc(&line->handled);
	return IRQ_HANDLED;
}

int line_request(struct line *line, struct mechanism *mechanism)
{
	const struct mechanism_kind *kind;

	line->mechanism = mechanism;
	if (!mechanism)
		return request_irq(line->irq, counting_top_half, 0, "irqlab_c", line);
	kind = mechanism->kind;
	return request_threaded_irq(line->irq, top_half, kind->thread, kind->irq_flags, "irqlab_c", line);
}

void line_free(struct line *line)
{
	free_irq(line->irq, line);
}
