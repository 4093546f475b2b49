# SPDX-License-Identifier: GPL-2.0
# vmaccel: entry points for people; Kbuild has the entry points for kbuild.

# KVER= names a series or release, KDIR= a kernel build directory; the default
# is the running kernel.
KDIR ?=
KVER ?=
T ?=
B ?= *
DESTDIR ?=
PREFIX ?= /usr/local
J ?= $(shell nproc)

# vmtest covers both supported kernels unless KVER= picks one.
KVERS := $(if $(KVER),$(KVER),6.1 6.12)
TARGET := $(if $(KDIR),$(KDIR),$(KVER))

modules:
	@tools/build.sh "$(TARGET)" -j$(J)

modules_install: modules
	$(MAKE) -C "$$(tools/kdir.sh $(TARGET))" \
		M="$$PWD/build/$$(tools/kdir.sh --release $(TARGET))" \
		INSTALL_MOD_PATH="$(DESTDIR)" CONFIG_MODULE_SIG_ALL= modules_install
	$(if $(DESTDIR),,depmod "$$(tools/kdir.sh --release $(TARGET))")

tools:
	@$(MAKE) --no-print-directory -C tools/vmaccel

host-install: tools
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" tools/install.sh
	@$(MAKE) --no-print-directory -C tools/vmaccel DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" install

install: modules_install host-install

uninstall:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" tools/install.sh --uninstall \
		"$$(tools/kdir.sh --release $(TARGET))"

clean:
	rm -rf build

setup:
	@tools/setup.sh

style:
	@tools/style.sh

unit:
	@tools/testing/unit/run.sh

kunit:
	@tools/testing/kunit/run.sh

vmtest:
	@set -e; for k in $(KVERS); do tools/testing/vm/run.sh --kver $$k $(T); done

debug:
	@tools/testing/debug/run.sh $(T)

# Suites of others that Debian does not package: LTP= and BLKTESTS= say where they are.
peers:
	@[ -n "$(LTP)$(BLKTESTS)" ] || { echo 'make peers LTP=DIR BLKTESTS=DIR: where they are' >&2; exit 2; }
	@set -e; for k in $(KVERS); do \
		$(if $(LTP),tools/testing/vm/run.sh --kver $$k --env VMACCEL_LTP="$(abspath $(LTP))" \
			--no-skip --long memcompress/ltp_test.sh;) \
		$(if $(BLKTESTS),tools/testing/vm/run.sh --kver $$k \
			--env VMACCEL_BLKTESTS="$(abspath $(BLKTESTS))" --no-skip --long \
			cgroup-io/blktests_test.sh;) done

vm:
	@tools/testing/vm/shell.sh $(if $(KVER),--kver $(KVER))

check: setup
	@tools/check.sh

check-full: setup
	@VMACCEL_LONG=1 tools/check.sh

bench: setup
	@tools/bench.sh $(if $(KVER),--kver $(KVER)) '$(B)'

demo: setup
	@tools/demo.sh $(if $(KVER),--kver $(KVER))

DKMS_VERSION = $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"$$/\1/p' dkms.conf)

dkms-install:
	@command -v dkms >/dev/null || { echo 'dkms is missing: apt-get install dkms' >&2; exit 1; }
	mkdir -p $(DESTDIR)/usr/src/vmaccel-$(DKMS_VERSION)
	git ls-files -z dkms.conf Kbuild compat vhost-accel memcompress balloon cgroup-io | \
		xargs -0 cp -p --parents -t $(DESTDIR)/usr/src/vmaccel-$(DKMS_VERSION)
	dkms install -m vmaccel -v $(DKMS_VERSION)

help:
	@echo 'vmaccel: kernel modules for KVM hosts'
	@echo
	@echo '  make                  build all modules (running kernel, KVER= or KDIR=) in build/<release>/'
	@echo '  make tools            build the command vmaccel in build/tools/'
	@echo '  make modules_install  install them under /lib/modules/<release>/updates'
	@echo '  make install          modules_install and host-install'
	@echo '  make host-install     vmaccel, udev rule, modules-load.d, AppArmor lines for libvirt; DESTDIR= PREFIX='
	@echo '  make uninstall        remove all that make install brought'
	@echo '  make dkms-install     have dkms build and install them for every kernel'
	@echo '  make clean            remove build/'
	@echo '  make setup            install what building and testing need (Debian 12, root or sudo)'
	@echo
	@echo '  make demo             boot a KVM host, pass a guest'"'"'s traffic through it, show a table'
	@echo '  make bench [B=glob]   measure against the stock peers; INSN=1 counts instructions'
	@echo '  make vm               shell in a host VM with the modules at hand'
	@echo
	@echo '  make check            every test: style, unit, kunit, vmtest on both kernels'
	@echo '  make check-full       the same with long loops'
	@echo '  make style            checkpatch, sparse, W=1, kernel-doc, shellcheck, compat rule'
	@echo '  make unit             pure logic in user space under ASan and UBSan, fuzzers'
	@echo '  make kunit            KUnit suites in User Mode Linux'
	@echo '  make vmtest [T=name]  kselftests in Debian'"'"'s kernels under QEMU'
	@echo '  make debug [T=name]   kselftests in a kernel with KASAN, lockdep, kmemleak (part of check-full)'
	@echo '  make peers LTP=dir    tests of others, as installed in dir: LTP zram01 to zram03; BLKTESTS=dir'
	@echo
	@echo '  KVER=6.1|6.12|release  KDIR=path  T=dir[/program]  B=id-glob  ACCEL=tcg|kvm  INSN=1'

.PHONY: modules tools modules_install host-install install uninstall clean setup style unit kunit \
	vmtest debug peers vm check check-full bench demo dkms-install help
.DEFAULT_GOAL := modules
