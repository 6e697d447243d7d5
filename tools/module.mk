# SPDX-License-Identifier: GPL-2.0
#
# What make does in the directory of a module on the library. `make new` makes such a directory; its
# Makefile sets IRQLAB, this tree, and includes this file.

SHELL := /bin/bash
.DEFAULT_GOAL := modules
.PHONY: modules test shell clean library

export KERNEL FLAVOUR GUEST MIRROR IRQLAB_CACHE RUSTC V

# Which modules there are.
include Kbuild

ifdef KDIR
modules:
	@rustc=$$($(IRQLAB)/tools/headers $(KDIR)) && \
	out=build/$$($(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease) && \
	$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) MO=$(CURDIR)/$$out RUSTC="$$rustc" modules
else
modules: library
	@$(IRQLAB)/tools/enter sh -c 'exec make --no-print-directory -C "$$KDIR" M="$$PWD" MO="$$PWD/$$OUTPUT" \
		IRQLAB_LIBRARY="$(IRQLAB)/$$OUTPUT/library" -j"$$(nproc)" $(if $(V),V=$(V)) modules'
endif

library:
	@$(MAKE) --no-print-directory -C $(IRQLAB) library

# $(call guest,OPTIONS) - in the guest, with the modules inserted
guest = $(IRQLAB)/tools/enter sh -c 'exec $(IRQLAB)/tools/guest $(if $(SMP),--smp $(SMP)) $(if $(MEM),--mem $(MEM)) \
	$(if $(APPEND),--append="$(APPEND)") --no-insert "$(IRQLAB)/$$OUTPUT/rust/irqlab_core.ko" \
	$(foreach object,$(obj-m),--module "$$OUTPUT/$(object:.o=.ko)") $(1)'

test: modules
	@$(call guest,--console "$$OUTPUT/test.log" --file test.sh \
		--file "$$KSRC/tools/testing/selftests/kselftest/ktap_helpers.sh" -- sh ./test.sh)

shell: modules
	@$(call guest,--console "$$OUTPUT/shell.log")

clean:
	rm -rf build
