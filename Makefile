# SPDX-License-Identifier: GPL-2.0
#
# What a user types; `make help` lists it. The kernel's build reads Kbuild instead.

SHELL := /bin/bash
.DEFAULT_GOAL := modules
.PHONY: modules run test shell setup install clean fmt lint host-test runner compile-fail crash help

# For tools/env.sh and kbuild, whether they come from the command line or the environment.
export KERNEL FLAVOUR MIRROR IRQLAB_CACHE V

# Which headers to build with: KDIR=; or the running kernel's, if they can build Rust modules; or
# those that tools/setup makes, in the place that tools/enter enters.
running := /lib/modules/$(shell uname -r)/build
ifneq ($(wildcard $(running)/rust/libkernel.rmeta),)
KDIR ?= $(running)
endif

# Each kernel has an output directory of its own. RELEASE is known once tools/setup has run.
# $(shell) does not see what make exports before version 4.4.
RELEASE = $(shell export KERNEL='$(KERNEL)' FLAVOUR='$(FLAVOUR)' IRQLAB_CACHE='$(IRQLAB_CACHE)' && \
	. tools/env.sh && echo $$RELEASE)
STOCK = build/$(RELEASE)

# $(call stock,TARGET,OUTPUT) - run kbuild for the kernel that the guest boots
stock = tools/enter sh -c 'exec make --no-print-directory -C "$$KDIR" M="$$PWD" MO="$$PWD/$(2)" \
	-j"$$(nproc)" $(if $(V),V=$(V)) $(1)'

# The same for KDIR, which need not be stock.
OUT = build/$(shell $(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease)

ifdef KDIR
modules:
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) MO=$(CURDIR)/$(OUT) modules
else
modules: stock
endif

.PHONY: stock
stock: setup
	@$(call stock,modules,$(STOCK))

setup:
	@tools/setup

# ---- In the guest --------------------------------------------------------------------------------

guest_options = $(if $(CPU),--cpu $(CPU)) $(if $(SMP),--smp $(SMP)) $(if $(MEM),--mem $(MEM)) \
	$(if $(APPEND),--append '$(APPEND)') $(if $(QEMU_EXTRA),--qemu '$(QEMU_EXTRA)') \
	--module $(STOCK)/rust/irqlab.ko$(if $(PARAMS),:$(PARAMS)) --payload $(STOCK)/kselftest \
	$(patsubst %,--no-insert %,$(wildcard $(STOCK)/samples/*.ko $(STOCK)/selftests/*/*.ko))

# The selftests as a directory that runs anywhere, with the kernel's KTAP helpers.
.PHONY: kselftest
kselftest: stock
	@tools/enter make -s -C selftests install \
		OUTPUT="$(CURDIR)/$(STOCK)/selftests" INSTALL_PATH="$(CURDIR)/$(STOCK)/kselftest" >/dev/null

run: kselftest
	@tools/enter tools/guest $(guest_options) --console $(STOCK)/run.log -- ./report.sh

shell: kselftest
	@tools/enter tools/guest $(guest_options) --console $(STOCK)/shell.log

# ---- Everything else -----------------------------------------------------------------------------

test: kselftest
	@tools/enter tools/test

compile-fail crash: kselftest
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
#?  make test       run all tests
#?  make shell      a shell in the guest, with the module inserted
#?  make            build the modules
#?  make install    install them for the running kernel (or for KDIR=)
#?  make fmt        format the Rust code
#?  make lint       check format, clippy, shell scripts
#?  make host-test  run the tests of what does not need a kernel
#?  make compile-fail  only the tests of what must not compile
#?  make crash      only the tests in which the kernel has to report a bug
#?  make setup      only fetch the kernel and the toolchain; the others do it when needed
#?  make clean      remove build/
#?
#?  KDIR=           headers to build with; default: the running kernel's if they know Rust, else stock ones
#?  KERNEL=7.3.4    which stock kernel; default: the newest supported
#?  FLAVOUR=        amd64 (default) or rt-amd64
#?  MIRROR=         a Debian mirror; default: the one that apt uses here
#?  IRQLAB_CACHE=   where kernel and toolchain live; default: ~/.cache/irqlab
#?  PARAMS=a=1,b=2  module parameters, in the guest
#?  CPU= SMP= MEM=  the guest's CPU model, number of CPUs, memory
#?  APPEND=         more kernel parameters;  QEMU_EXTRA= more QEMU arguments
#?  V=1             show the commands
