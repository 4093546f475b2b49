# SPDX-License-Identifier: GPL-2.0
# Build and run rules of one selftest directory, with kselftest's variable names and
# targets. A directory's Makefile sets the variables and includes this file:
#
#   TEST_PROGS               scripts that are tests
#   TEST_PROGS_EXTENDED      scripts that tests or people call
#   TEST_GEN_PROGS           C programs that are tests
#   TEST_GEN_PROGS_EXTENDED  C programs that tests or people call
#   TEST_FILES               data and shell libraries
#
# OUTPUT is the directory of the built files: build/selftests/<directory> by default.
# KSFT=<tools/testing/selftests of a kernel tree> uses that tree's lib.mk instead.

kst_dir := $(patsubst %/,%,$(dir $(realpath $(lastword $(MAKEFILE_LIST)))))

ifneq ($(KSFT),)
CFLAGS += -std=gnu11 -D_GNU_SOURCE= -I$(kst_dir)
# It takes its own place from the only lib.mk in this list.
MAKEFILE_LIST :=
include $(KSFT)/lib.mk

$(OUTPUT)/%.o: %.c
	$(CC) $(CFLAGS) -c -o $@ $<

$(TEST_GEN_PROGS) $(TEST_GEN_PROGS_EXTENDED): $(addprefix $(OUTPUT)/,$(LOCAL_OBJS))
else

srcdir := $(patsubst %/,%,$(dir $(realpath $(firstword $(MAKEFILE_LIST)))))
TOP ?= $(realpath $(kst_dir)/../../..)
OUTPUT ?= $(TOP)/build/selftests/$(notdir $(srcdir))

CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers \
	-I$(kst_dir) -I$(srcdir)

gen := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS) $(TEST_GEN_PROGS_EXTENDED))

all: $(gen)

$(OUTPUT):
	@mkdir -p $@

# A program is <name>.c linked with the directory's shared objects, LOCAL_OBJS.
$(OUTPUT)/%.o: $(srcdir)/%.c $(wildcard $(srcdir)/*.h) $(kst_dir)/kstest.h | $(OUTPUT)
	$(CC) $(CFLAGS) -c -o $@ $<

$(gen): $(OUTPUT)/%: $(OUTPUT)/%.o $(addprefix $(OUTPUT)/,$(LOCAL_OBJS))
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.SECONDARY:

run_tests: all
	@rc=0; cd $(srcdir); for t in $(addprefix ./,$(TEST_PROGS)) \
		$(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS)); do \
		echo "# selftests: $(notdir $(srcdir)): $$(basename $$t)"; \
		$$t; r=$$?; case $$r in 0|4) ;; *) rc=1 ;; esac; \
	done; exit $$rc

install: all
	@test -n "$(INSTALL_PATH)" || { echo "install: set INSTALL_PATH" >&2; exit 1; }
	install -D -t $(INSTALL_PATH) $(gen) \
		$(addprefix $(srcdir)/,$(TEST_PROGS) $(TEST_PROGS_EXTENDED) $(TEST_FILES))

emit_tests:
	@for t in $(TEST_PROGS) $(TEST_GEN_PROGS); do \
		echo "$(notdir $(srcdir))/$$t"; \
	done

clean:
	rm -f $(gen) $(OUTPUT)/*.o

.PHONY: all run_tests install emit_tests clean
.DEFAULT_GOAL := all
endif
