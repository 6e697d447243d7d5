# SPDX-License-Identifier: GPL-2.0
#
# What a user types; `make help` lists it. The kernel's build reads Kbuild instead.

SHELL := /bin/bash
.DEFAULT_GOAL := modules
.PHONY: modules run bench test test-debug shell setup install clean fmt lint host-test runner
.PHONY: compile-fail crash boot help

# For tools/env.sh and kbuild, whether they come from the command line or the environment.
export KERNEL FLAVOUR GUEST MIRROR IRQLAB_CACHE V WHOLE

# Which headers to build with: KDIR=; or the running kernel's, if they can build Rust modules; or
# those that tools/setup makes, in the place that tools/enter enters.
running := /lib/modules/$(shell uname -r)/build
ifneq ($(wildcard $(running)/rust/libkernel.rmeta),)
KDIR ?= $(running)
endif

# Each kernel has an output directory of its own, whose name is known once tools/setup has run.
# $(shell) does not see what make exports before version 4.4.
OUTPUT = $(shell export KERNEL='$(KERNEL)' FLAVOUR='$(FLAVOUR)' GUEST='$(GUEST)' \
	IRQLAB_CACHE='$(IRQLAB_CACHE)' && . tools/env.sh && echo $$OUTPUT)

# The same for KDIR, which need not be stock.
OUT = build/$(shell $(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease)

ifdef KDIR
modules:
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) MO=$(CURDIR)/$(OUT) modules
else
modules: for-guest
endif

# For the kernel that the guest boots.
.PHONY: for-guest
for-guest: setup
	@tools/enter sh -c 'exec make --no-print-directory -C "$$KDIR" M="$$PWD" MO="$$PWD/$$OUTPUT" \
		-j"$$(nproc)" $(if $(V),V=$(V)) modules'

setup:
	@tools/setup

# ---- In the guest --------------------------------------------------------------------------------

guest_options = $(if $(CPU),--cpu $(CPU)) $(if $(SMP),--smp $(SMP)) $(if $(MEM),--mem $(MEM)) \
	$(if $(APPEND),--append='$(APPEND)') $(if $(QEMU_EXTRA),--qemu='$(QEMU_EXTRA)') \
	--module $(OUTPUT)/rust/irqlab.ko$(if $(PARAMS),:$(PARAMS)) --payload $(OUTPUT)/kselftest \
	$(patsubst %,--no-insert %,$(wildcard $(OUTPUT)/samples/*.ko $(OUTPUT)/selftests/*/*.ko))

# The selftests as a directory that runs anywhere, with the kernel's KTAP helpers.
.PHONY: kselftest
kselftest: for-guest
	@tools/enter make -s -C selftests install \
		OUTPUT="$(CURDIR)/$(OUTPUT)/selftests" INSTALL_PATH="$(CURDIR)/$(OUTPUT)/kselftest" >/dev/null

run: kselftest
	@tools/enter tools/guest $(guest_options) --console $(OUTPUT)/run.log -- ./report.sh

# Time counts instructions there: the same tables each time, on any host. Of several CPUs one would run
# while the others' time goes on; those that call each other give way when they wait.
bench: kselftest
	@tools/enter tools/guest $(guest_options) $(if $(SMP),,--smp 1) --deterministic --timeout 1200 \
		--console $(OUTPUT)/bench.log -- ./compare.sh
	@tools/enter tools/guest $(guest_options) --deterministic --timeout 1200 \
		--console $(OUTPUT)/bench_ipi.log -- ./compare_ipi.sh

# What FILES and MODULES name may be where only the host has it: a copy goes into the guest.
own = $(OUTPUT)/own
own_options = $(addprefix --file $(own)/,$(notdir $(FILES:/=))) \
	$(addprefix --module $(own)/,$(notdir $(MODULES)))
shell: kselftest
	@rm -rf $(own) && mkdir $(own)
	@$(if $(FILES)$(MODULES),cp -rL $(FILES) $(MODULES) $(own))
	@tools/enter tools/guest $(guest_options) $(own_options) --console $(OUTPUT)/shell.log

# ---- Everything else -----------------------------------------------------------------------------

# The last line counts everything since TALLY was made, so that several runs have one result.
test: kselftest
	@tools/enter tools/test $(if $(TALLY),--tally $(TALLY))

# The tests that depend on the kernel, in guests whose kernels check themselves.
GUESTS = debug race
test-debug:
	@for guest in $(GUESTS); do $(MAKE) --no-print-directory kselftest GUEST=$$guest || exit; done
	@tools/enter tools/test $(GUESTS:%=--guest %) $(if $(TALLY),--tally $(TALLY))

compile-fail crash boot: kselftest
	@tools/enter tools/test $@

lint host-test runner: setup
	@tools/enter tools/test $@

fmt: setup
	@find rust samples selftests -name '*.rs' | tools/enter xargs -r rustfmt --edition 2021

# For the kernel that runs here, or for KDIR=. Not signed: the key of a stock kernel is not here. And
# kbuild leaves out depmod where System.map is not among the headers, as with Debian's.
install: KDIR ?= $(running)
install:
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) MO=$(CURDIR)/$(OUT) \
		CONFIG_MODULE_SIG_ALL= modules_install
	/sbin/depmod -b "$(INSTALL_MOD_PATH)/" $(notdir $(OUT))

clean:
	rm -rf build

help:
	@sed -n 's/^#?//p' $(firstword $(MAKEFILE_LIST))

#?  make run        build, boot a stock kernel in QEMU with the module, print measurements and verdicts
#?  make bench      all mechanisms side by side, under loads, and calls between CPUs next to the same in C,
#?                  in instructions
#?  make test       run all tests
#?  make test-debug run those that depend on the kernel with GUEST=debug and with GUEST=race
#?  make shell      a shell in the guest, with the module inserted
#?  make            build the modules
#?  make install    install them for the running kernel (or for KDIR=)
#?  make fmt        format the Rust code
#?  make lint       check format, clippy, shell scripts
#?  make host-test  run the tests of what does not need a kernel
#?  make compile-fail  only the tests of what must not compile
#?  make crash      only the tests in which the kernel has to report a bug
#?  make boot       only the tests that need a guest booted in a way of its own
#?  make setup      only fetch the kernel and the toolchain; the others do it when needed
#?  make clean      remove build/
#?
#?  KDIR=           headers to build with; default: the running kernel's if they know Rust, else stock ones
#?  KERNEL=7.3.4    which stock kernel; default: the newest supported
#?  FLAVOUR=        amd64 (default) or rt-amd64
#?  GUEST=          which kernel the guest boots: stock (default); debug, with KASAN, lockdep and more;
#?                  race, with KCSAN. The last two are built when first used: ten minutes each
#?  WHOLE=1         the long form of the selftests there, too
#?  MIRROR=         a Debian mirror; default: the one that apt uses here
#?  IRQLAB_CACHE=   where kernel and toolchain live; default: ~/.cache/irqlab
#?  PARAMS=a=1,b=2  module parameters, in the guest
#?  CPU= SMP= MEM=  the guest's CPU model, number of CPUs, memory
#?  APPEND=         more kernel parameters;  QEMU_EXTRA= more QEMU arguments
#?  V=1             show the commands
