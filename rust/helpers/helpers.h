/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What C offers only as a macro or an inline function, as functions that Rust
 * can call. bindgen reads this header and drops the prefix: `bh_disable()` in
 * the library crate is `rust_helper_irqlab_bh_disable()` here. One C file for
 * each kernel header, both sorted alphabetically.
 */
#ifndef IRQLAB_HELPERS_H
#define IRQLAB_HELPERS_H

#include <linux/spinlock_types.h>
#include <linux/types.h>

struct cpumask;
struct exception_table_entry;
struct irq_data;
struct irq_work;
struct work_struct;
struct kthread_work;
struct kthread_worker;
struct file;
struct lock_class_key;
struct module;
struct pci_dev;
struct pt_regs;
struct task_struct;
struct tasklet_struct;

/* apic.c */
u64 rust_helper_irqlab_apic_base(void);
u64 rust_helper_irqlab_apic_icr_read(void);
unsigned long rust_helper_irqlab_apic_icr_writer(void);
unsigned int rust_helper_irqlab_apic_id(void);
bool rust_helper_irqlab_apic_has_own_wakeup(void);
unsigned int rust_helper_irqlab_apic_set_task_priority(unsigned int priority);
unsigned int rust_helper_irqlab_cpu_apicid(unsigned int cpu);
unsigned int rust_helper_irqlab_apic_read(unsigned int reg);

/* bottom_half.c */
void rust_helper_irqlab_local_bh_disable(void);
void rust_helper_irqlab_local_bh_enable(void);

/* cpufeature.c */
bool rust_helper_irqlab_has_invlpgb(void);
bool rust_helper_irqlab_has_hypervisor(void);
bool rust_helper_irqlab_has_smap(void);

/* cpumask.c */
unsigned int rust_helper_irqlab_cpumask_next_online(int cpu);

/* extable.c */
const struct exception_table_entry *rust_helper_irqlab_extable_entry(size_t index);
size_t rust_helper_irqlab_extable_len(void);

/* hardirq.c */
void rust_helper_irqlab_hardirq_begin(void);
void rust_helper_irqlab_hardirq_end(void);
unsigned int rust_helper_irqlab_hardirq_to_softirq(void);
void rust_helper_irqlab_softirq_to_hardirq(unsigned int before);
unsigned int rust_helper_irqlab_irq_stat(unsigned int which, unsigned int cpu);

/* i8259.c */
bool rust_helper_irqlab_pic_read(u16 *masked, u16 *in_service);

/* interrupt.c */
unsigned int rust_helper_irqlab_softirqs_count(unsigned int vector,
					       unsigned int cpu);
void rust_helper_irqlab_tasklet_disable(struct tasklet_struct *t);
void rust_helper_irqlab_tasklet_enable(struct tasklet_struct *t);

/* ../compat/interrupt.c */
void rust_helper_irqlab_local_interrupt_disable(void);
void rust_helper_irqlab_local_interrupt_enable(void);

/* io_apic.c */
bool rust_helper_irqlab_io_apic_find(unsigned int place, u8 *id, u32 *address, u32 *first_line);
int rust_helper_irqlab_io_apic_read(u32 address, u32 *version, u64 *entries, unsigned int room);

/* irqdesc.c */
void rust_helper_irqlab_irq_choose_cpus(struct irq_data *data);
bool rust_helper_irqlab_irq_cpus(unsigned int irq, struct cpumask *asked,
				     struct cpumask *effective);
bool rust_helper_irqlab_irq_cpus_next(unsigned int irq, struct cpumask *cpus);
bool rust_helper_irqlab_irq_count(unsigned int irq, unsigned long *count);
bool rust_helper_irqlab_irq_count_on(unsigned int irq, unsigned int cpu,
				     unsigned long *count);
bool rust_helper_irqlab_irq_handlers(unsigned int irq, char *names, size_t size,
				     bool *oneshot);
bool rust_helper_irqlab_irq_is_behind_bus(unsigned int irq);
bool rust_helper_irqlab_irq_is_served_here(unsigned int irq);
bool rust_helper_irqlab_irq_is_watched(unsigned int irq);
void rust_helper_irqlab_irq_learn_thread(unsigned int irq);
bool rust_helper_irqlab_irq_info(unsigned int irq, char *chip, size_t size,
				 unsigned long *hwirq, unsigned int *trigger,
				 unsigned int *depth, bool *masked,
				 unsigned int *cpu, unsigned int *vector);
bool rust_helper_irqlab_irq_goes_here(struct irq_data *data);
void rust_helper_irqlab_irq_take_back_cpu(struct irq_data *data);

/* irq_work.c */
bool rust_helper_irqlab_irq_work_has_interrupt(void);
void rust_helper_irqlab_irq_work_init(struct irq_work *work,
				      void (*func)(struct irq_work *work),
				      unsigned int flags);

/* irqflags.c */
bool rust_helper_irqlab_irqs_disabled(void);

/* kprobes.c */
bool rust_helper_irqlab_symbol_exists(const char *name);

/* kthread.c */
struct kthread_worker *rust_helper_irqlab_kthread_run_worker(const char *name);
struct kthread_worker *rust_helper_irqlab_kthread_run_worker_on_cpu(unsigned int cpu,
								    const char *name);
int rust_helper_irqlab_kthread_rebind(struct task_struct *task, unsigned int cpu);
int rust_helper_irqlab_kthread_set_fifo(struct task_struct *task, unsigned int priority);
void rust_helper_irqlab_kthread_work_init(struct kthread_work *work,
					  void (*func)(struct kthread_work *work));

/* lockdep.c */
void rust_helper_irqlab_assert_hardirq(void);
void rust_helper_irqlab_assert_irqs_off(void);
void rust_helper_irqlab_assert_may_sleep(void);
void rust_helper_irqlab_assert_nmi(void);
void rust_helper_irqlab_assert_softirq(void);
int rust_helper_irqlab_rcu_preempt_depth(void);

/* mm.c */
bool rust_helper_irqlab_locks_memory(void);
void rust_helper_irqlab_end_demand(struct file *file);
unsigned long rust_helper_irqlab_map_demand(unsigned long size, void (*provide)(void *context),
					    void (*release)(void *context), void *context,
					    struct module *owner, struct file **file);

/* mutex.c */
void rust_helper_irqlab_dpc_call_lock(void);
void rust_helper_irqlab_dpc_call_unlock(void);
void rust_helper_irqlab_idt_lock(void);
void rust_helper_irqlab_idt_unlock(void);

/* net.c */
int rust_helper_irqlab_send_to_self(void *data, size_t len);

/* nmi.c */
int rust_helper_irqlab_register_nmi(bool (*handle)(struct pt_regs *regs));
void rust_helper_irqlab_send_nmi(unsigned int cpu);
void rust_helper_irqlab_unregister_nmi(void);
void rust_helper_irqlab_warn_of_nmi(void);

/* pci.c */
unsigned int rust_helper_irqlab_pci_lines(struct pci_dev *dev, char *name, size_t size, u8 *pin,
					  unsigned int *table, u32 (*lines)[3], unsigned int room);
struct pci_dev *rust_helper_irqlab_pci_next(struct pci_dev *dev);

/* percpu.c */
unsigned long rust_helper_irqlab_alloc_cpu_numbers(unsigned int shift);
void rust_helper_irqlab_free_cpu_numbers(unsigned long words);

/* preempt.c */
void rust_helper_irqlab_preempt_disable(void);
void rust_helper_irqlab_preempt_enable(void);
unsigned long rust_helper_irqlab_preempt_count(void);
unsigned long rust_helper_irqlab_softirq_count(void);

/* processor.c */
bool rust_helper_irqlab_idle_polls(void);
unsigned long rust_helper_irqlab_ist_top(unsigned int n);
unsigned int rust_helper_irqlab_stack_region(unsigned int cpu, unsigned long sp,
					     unsigned long task_stack);

/* ptrace.c */
bool rust_helper_irqlab_user_mode(struct pt_regs *regs);

/* rt_mutex.c */
void *rust_helper_irqlab_rt_mutex_new(const char *name, struct lock_class_key *key);
void rust_helper_irqlab_rt_mutex_lock(void *lock);
void rust_helper_irqlab_rt_mutex_unlock(void *lock);
void rust_helper_irqlab_rt_mutex_free(void *lock);

/* sched.c */
void rust_helper_irqlab_cond_resched(void);
void rust_helper_irqlab_get_cpus_allowed(struct cpumask *cpus);
size_t rust_helper_irqlab_nr_kernel_threads(const char *part);
void rust_helper_irqlab_schedule_in_hardirq(unsigned long *count,
					    bool *were_disabled);
int rust_helper_irqlab_nr_cpus_allowed(void);
int rust_helper_irqlab_nr_threads(void);

/* security.c */
bool rust_helper_irqlab_is_debugfs_locked_down(void);

/* smp.c */
int rust_helper_irqlab_smp_send_reschedule(unsigned int cpu);

/* softirq.c */
unsigned int rust_helper_irqlab_nr_pending_bits(void);
bool rust_helper_irqlab_open_softirq_is_exported(void);
bool rust_helper_irqlab_raise_softirq_is_exported(void);
bool rust_helper_irqlab_tasklet_schedule_is_exported(void);

/* spinlock.c */
unsigned long rust_helper_irqlab_global_lock(void);
void rust_helper_irqlab_global_unlock(unsigned long flags);
void rust_helper_irqlab_raw_spin_lock(raw_spinlock_t *lock);
void rust_helper_irqlab_raw_spin_unlock(raw_spinlock_t *lock);
void rust_helper_irqlab_raw_spin_lock_setup(raw_spinlock_t *lock, const char *name,
					    struct lock_class_key *key);
u32 rust_helper_irqlab_raw_spin_lock_word(const raw_spinlock_t *lock);
unsigned long rust_helper_irqlab_raw_spin_lock_save(raw_spinlock_t *lock);
void rust_helper_irqlab_raw_spin_unlock_restore(raw_spinlock_t *lock, unsigned long flags);

/* sprintf.c */
bool rust_helper_irqlab_hides_addresses(void);

/* topology.c */
bool rust_helper_irqlab_cpus_share_core(unsigned int one, unsigned int other);
int rust_helper_irqlab_node_of_cpu(unsigned int cpu);

/* tracepoint.c */
void rust_helper_irqlab_tracepoint_synchronize_unregister(void);

/* uaccess.c */
bool rust_helper_irqlab_access_ok(unsigned long at, unsigned long size);
unsigned long rust_helper_irqlab_copy_word_from_user(u64 *word, const void __user *at);
int rust_helper_irqlab_get_user_word(u64 *word, const u64 __user *at);
void rust_helper_irqlab_pagefault_disable(void);
void rust_helper_irqlab_pagefault_enable(void);
int rust_helper_irqlab_put_user_word(u64 word, u64 __user *at);

/* unwind.c */
unsigned int rust_helper_irqlab_softirq_executor(void);
bool rust_helper_irqlab_stack_bounds(unsigned long *low, unsigned long *high);

/* vmalloc.c */
void rust_helper_irqlab_vm_unmap_aliases(void);
void rust_helper_irqlab_vfree(void *page);
void *rust_helper_irqlab_vmalloc_page(void);

/* wait_bit.c */
void rust_helper_irqlab_wait_until_is(unsigned int *word, unsigned int value);
void rust_helper_irqlab_wake_waiters_of(unsigned int *word);

/* workqueue.c */
int rust_helper_irqlab_late_begin(void);
void rust_helper_irqlab_late_end(void);
void rust_helper_irqlab_late_init(struct work_struct *work, void (*func)(struct work_struct *work));
void rust_helper_irqlab_late_queue(struct work_struct *work);

#endif
