# SPDX-License-Identifier: GPL-2.0
#
# What a user types; `make help` lists it. The kernel's build reads Kbuild instead.

SHELL := /bin/bash
.DEFAULT_GOAL := modules
.PHONY: modules run bench test test-debug shell setup install clean fmt lint host-test runner tool
.PHONY: test-setup test-dkms test-tool pictures compile-fail crash boot machines readme template course record-course book help

# For tools/env.sh and kbuild, whether they come from the command line or the environment.
export SUITE KERNEL FLAVOUR GUEST MIRROR IRQLAB_CACHE RUSTC V WHOLE INCREMENTAL

# Which headers to build with: KDIR=; or the running kernel's, if they can build Rust modules; or
# those that tools/setup makes, in the place that tools/enter enters.
running := /lib/modules/$(shell uname -r)/build
ifneq ($(wildcard $(running)/rust/libkernel.rmeta),)
KDIR ?= $(running)
endif

# Each kernel has an output directory of its own, whose name is known once tools/setup has run.
# $(shell) does not see what make exports before version 4.4.
OUTPUT = $(shell export SUITE='$(SUITE)' KERNEL='$(KERNEL)' FLAVOUR='$(FLAVOUR)' GUEST='$(GUEST)' \
	IRQLAB_CACHE='$(IRQLAB_CACHE)' && . tools/env.sh && echo $$OUTPUT)

# The same for KDIR, which need not be stock.
OUT = build/$(shell $(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease)

ifdef KDIR
modules:
	@rustc=$$(tools/headers $(KDIR)) && \
	$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) MO=$(CURDIR)/$(OUT) RUSTC="$$rustc" modules
else
modules: for-guest
endif

# For the kernel that the guest boots.
.PHONY: for-guest
for-guest: setup
	@tools/enter sh -c 'exec make --no-print-directory -C "$$KDIR" M="$$PWD" MO="$$PWD/$$OUTPUT" \
		-j"$$(nproc)" $(if $(V),V=$(V)) modules'

# What a module of one's own is built with: what the compiler and the linker have to know of the library.
.PHONY: library
lay_library = install -D -C -m 644 -t $(2) $(1)/rust/libirqlab.rmeta && \
	grep irqlab_core $(1)/Module.symvers >$(2)/Module.symvers
library: for-guest
	@$(call lay_library,$(OUTPUT),$(OUTPUT)/library)

.PHONY: new
new:
	@tools/new-module '$(DIR)' $(NAME)

setup:
	@tools/setup

# The command-line tool: one file, which runs on any machine.
tool: setup
	@tools/enter tools/irqlab/build.sh

# ---- In the guest --------------------------------------------------------------------------------

guest_options = $(if $(CPU),--cpu $(CPU)) $(if $(SMP),--smp $(SMP)) $(if $(MEM),--mem $(MEM)) \
	$(if $(APPEND),--append='$(APPEND)') $(if $(QEMU_EXTRA),--qemu='$(QEMU_EXTRA)') \
	--module $(OUTPUT)/rust/irqlab.ko$(if $(PARAMS),:$(PARAMS)) --payload $(OUTPUT)/kselftest \
	$(patsubst %,--no-insert %,$(wildcard $(OUTPUT)/samples/*.ko $(OUTPUT)/selftests/*/*.ko))

# The selftests as a directory that runs anywhere, with the kernel's KTAP helpers.
.PHONY: kselftest
kselftest: library tool
	@tools/enter make -s -C selftests install \
		OUTPUT="$(CURDIR)/$(OUTPUT)/selftests" INSTALL_PATH="$(CURDIR)/$(OUTPUT)/kselftest" >/dev/null
	@cp -u build/tool/irqlab tools/kernels.known $(OUTPUT)/kselftest

# What the page shows, and more, also goes into a file for browsers, even if a claim fails.
run: kselftest
	@rm -f $(OUTPUT)/run.json
	@tools/enter tools/guest $(guest_options) --out $(OUTPUT) --console $(OUTPUT)/run.log -- sh -c \
		'./report.sh $(if $(ALL),--all) --collect /tmp/run.json; code=$$?; hand-out /tmp/run.json; exit $$code'; \
	code=$$?; [ ! -e $(OUTPUT)/run.json ] || { \
		tools/enter build/tool/irqlab report $(OUTPUT)/run.json -o $(OUTPUT)/report.html && \
		echo "The same with pictures, for a browser: $(OUTPUT)/report.html" >&2; }; exit $$code

# In guests whose clock counts instructions, so that the tables are the same each time, on any host.
bench: kselftest
	@tools/enter tools/bench measure $(if $(LINE),--line '$(LINE)') $(if $(COUNT),--count '$(COUNT)') \
		$(if $(MECHANISMS),--mechanisms '$(MECHANISMS)')

# What bottom halves that work for long do to others, on one CPU, as above.
.PHONY: consequences record-consequences
consequences: kselftest
	@tools/enter tools/guest $(guest_options) $(if $(SMP),,--smp 1) --deterministic --timeout 2400 \
		--console $(OUTPUT)/consequences.log -- ./consequences.sh

# In place of what doc/choosing.md shows now, between its two marks.
record-consequences: kselftest
	@$(MAKE) -s --no-print-directory consequences >$(OUTPUT)/consequences.text
	@awk 'FNR == NR { text = text $$0 "\n"; next } /^<!-- consequences -->/ { print; printf "%s", text; inside = 1 } \
		/^<!-- end of consequences -->/ { inside = 0 } !inside || /^<!-- end/' $(OUTPUT)/consequences.text \
		doc/choosing.md >$(OUTPUT)/choosing.md && cp $(OUTPUT)/choosing.md doc/choosing.md

# What FILES and MODULES name may be where only the host has it: a copy goes into the guest.
own = $(OUTPUT)/own
own_options = $(addprefix --file $(own)/,$(notdir $(FILES:/=))) \
	$(addprefix --module $(own)/,$(notdir $(MODULES)))
shell: kselftest
	@rm -rf $(own) && mkdir $(own)
	@$(if $(FILES)$(MODULES),cp -rL $(FILES) $(MODULES) $(own))
	@tools/enter tools/guest $(guest_options) $(own_options) --out $(OUTPUT)/out --console $(OUTPUT)/shell.log

# ---- Everything else -----------------------------------------------------------------------------

# With TALLY=, a file, the last line also counts what earlier runs with the same file have counted.
test: kselftest
	@tools/enter tools/test $(SUITES) $(if $(TESTS),--tests $(TESTS)) $(if $(ONLY),--only '$(ONLY)') \
		$(if $(TALLY),--tally $(TALLY))

# The tests that depend on the kernel, in guests whose kernels check themselves.
GUESTS = debug race
test-debug:
	@for guest in $(GUESTS); do $(MAKE) --no-print-directory kselftest GUEST=$$guest || exit; done
	@tools/enter tools/test $(GUESTS:%=--guest %) $(if $(TALLY),--tally $(TALLY))

compile-fail crash boot machines readme template course: kselftest
	@tools/enter tools/test $@

lint host-test runner: setup
	@tools/enter tools/test $@

# On this machine itself, as the set-up is.
test-setup: setup
	@tools/setup-test $(or $(IRQLAB_CACHE),$(HOME)/.cache)

test-dkms: setup
	@tools/dkms-test $(or $(IRQLAB_CACHE),$(HOME)/.cache)

# The browser that tries the page is the host's.
test-tool: setup
	@tools/enter tools/test tool
	@tools/irqlab/try-page $(OUTPUT)/tool-test.html && echo "a browser shows the page, which can be filtered and zoomed"; \
	code=$$?; [ $$code = 4 ] || exit $$code

# The pictures that README.md shows, of what make run has measured last.
pictures: tool
	@[ -e $(OUTPUT)/run.json ] || { echo "Nothing is measured yet: make run" >&2; exit 1; }
	@mkdir -p doc/pictures
	@tools/enter build/tool/irqlab report $(OUTPUT)/run.json -o $(OUTPUT)/report.html --pictures doc/pictures

# Whether the tests notice small faults, which are put into the code on purpose.
.PHONY: mutants
mutants: setup
	@tools/enter tools/mutants $(if $(SEED),--seed $(SEED)) $(if $(COUNT),--count $(COUNT)) $(if $(ONLY),--only '$(ONLY)')

# All claims on several kernels, in doc/matrix.md.
.PHONY: matrix
matrix:
	@tools/matrix $(KERNELS)

# What the course's commands print, in place of what it shows now.
record-course: kselftest
	@tools/enter tools/course --record

.PHONY: doc
doc: setup
	@tools/enter sh -c 'exec make --no-print-directory -C "$$KDIR" M="$$PWD" MO="$$PWD/$$OUTPUT" rust/doc.o' >/dev/null
	@echo "$(OUTPUT)/rust/doc/irqlab/index.html"

# For editors: what rust-analyzer has to know of the crates. With DIR=, of a module of one's own, too.
.PHONY: rust-analyzer test-rust-analyzer
rust-analyzer: modules
	@. tools/env.sh && tools/enter env SEEN_FROM="$$ROOT" tools/rust-analyzer $(DIR)

test-rust-analyzer: modules
	@tools/enter tools/rust-analyzer-test

book:
	@command -v mdbook >/dev/null || { echo "mdBook is not there: apt install mdbook" >&2; exit 1; }
	mdbook build doc/course

fmt: setup
	@find rust samples selftests tools -name '*.rs' | tools/enter xargs -r rustfmt --edition 2021

# For the kernel that runs here, or for KDIR=: the two modules, and what other modules are built with on the
# library. The modules are not signed, as only Debian has the key of its kernels.
.PHONY: uninstall
modules_dir = $(INSTALL_MOD_PATH)/lib/modules/$(notdir $(OUT))
install uninstall: KDIR ?= $(running)
install:
	install -D -m 644 -t $(modules_dir)/updates $(OUT)/rust/irqlab_core.ko $(OUT)/rust/irqlab.ko
	$(call lay_library,$(OUT),$(modules_dir)/irqlab)
	/sbin/depmod -b "$(INSTALL_MOD_PATH)/" $(notdir $(OUT))

uninstall:
	rm -rf $(modules_dir)/updates/irqlab_core.ko $(modules_dir)/updates/irqlab.ko $(modules_dir)/irqlab
	/sbin/depmod -b "$(INSTALL_MOD_PATH)/" $(notdir $(OUT))

# For dkms, which builds the modules for each kernel anew.
.PHONY: dkms
dkms:
	tools/dkms-add

clean:
	rm -rf build

help:
	@sed -n 's/^#?//p' $(firstword $(MAKEFILE_LIST))

#?  make run        build, boot a stock kernel in QEMU with the module, print measurements and verdicts;
#?                  also as a page for a browser, in build/
#?  make test       run all tests; exit code 0 if all passed
#?  make shell      a shell in the guest, with the module inserted
#?  make bench      what each mechanism costs in instructions, idle and under loads, next to the same in C and
#?                  to the kernel's own tracing, in 3 to 4 minutes. It keeps that in doc/results, and writes the
#?                  tables in doc/ anew; with LINE=, COUNT= or MECHANISMS= it prints what you want, and keeps nothing
#?  make consequences  what bottom halves that work for 50 us, 1 ms or 20 ms do to others; one to two minutes
#?  make            build the modules
#?  make kselftest  lay out the selftests, the tool and what they need as a directory that runs on any
#?                  machine: build/KERNEL/kselftest; see doc/real_machines.md
#?  make tool       build the command-line tool, build/tool/irqlab
#?  make install    install irqlab and its library for the running kernel (or for KDIR=); make uninstall
#?                  takes them off again
#?  make rust-analyzer   write rust-project.json, from which editors know the crates; DIR= for a module of yours
#?  make dkms       give the modules' sources to dkms, which builds them for each kernel; doc/own_module.md
#?  make new DIR=../mine   begin a module of your own on the library, in a new directory
#?  make clean      remove build/
#?
#?  Some of the tests:
#?  make test-debug    those that depend on the kernel, under two kernels that check themselves
#?  make machines      the report of make run on many kinds of machine
#?  make readme        the commands that README.md says to try
#?  make template      what make new begins
#?  make course        the commands of the course, doc/course
#?  make crash         those that make the kernel report a bug, or end it
#?  make boot          those that need special boot options
#?  make compile-fail  code that must be rejected by the compiler
#?  make test-dkms     dkms, in a copy of the toolchain's root; ten minutes
#?  make test-rust-analyzer   what make rust-analyzer tells editors
#?  make test-setup    what the set-up does where the newest kernel is not known
#?  make test-tool     those of the command-line tool, tools/irqlab
#?  make host-test     those that need no kernel
#?  make runner        those of the guest runner, tools/guest
#?  make lint          formatting, clippy, shellcheck, examples in the library's documentation
#?
#?  make doc        the library's documentation as web pages
#?  make book       the course as web pages, in build/course, with mdBook
#?  make record-course  put what the course's commands print into it
#?  make record-consequences  put the tables of make consequences into doc/choosing.md
#?  make pictures   draw the pictures of README.md anew, of what make run has measured last
#?  make matrix     all claims on every kernel and flavour, in doc/matrix.md; KERNELS=7.3.4-rt-amd64 for some
#?  make fmt        format the Rust code
#?  make setup      fetch the kernel and the toolchain, which the other commands do when needed
#?
#?  SUITES= TESTS= ONLY=  for make test: these suites (tools/test --help), selftests of these files, tests with
#?                  that text in their names
#?  ALL=1           make run prints the whole evidence of each claim
#?  PARAMS=a=1,b=2  parameters of the module, in the guest
#?  CPU= SMP= MEM=  the guest's CPU model, number of CPUs, and memory
#?  APPEND=         more parameters of the guest's kernel
#?  QEMU_EXTRA=     more arguments for QEMU
#?  FILES= MODULES= files and directories that make shell takes into the guest, and modules that it inserts
#?  SUITE=          Debian's release that has kernel and compilers: trixie (default), sid or experimental
#?  KERNEL=         which stock kernel: a version or a series, like 7.3; default: the newest there is
#?  FLAVOUR=        amd64 (default), rt-amd64 or cloud-amd64
#?  GUEST=          which kernel the guest boots: stock (default); debug, with KASAN, lockdep and more;
#?                  race, with KCSAN. The last two are built when first used: ten minutes each
#?  WHOLE=1         under these two, run the long form of the selftests
#?  KDIR=           headers to build with; default: the running kernel's if they know Rust, else stock ones
#?  RUSTC=          with KDIR: the Rust compiler, where it is not the one that is found: the kernel's own
#?  MIRROR=         a Debian mirror; default: the one that apt uses here
#?  IRQLAB_CACHE=   where kernel and toolchain are kept; default: ~/.cache/irqlab
#?  INCREMENTAL=1   compile the lab in parts, so that the next build takes less; the module takes more memory then
#?  V=1             show the commands
