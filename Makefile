# Makefile: builds build/bso and the tests. `make help` lists what it can do.
#
# Sources are found by folder; optimizers, gradients and data sets by the line that defines them (see
# tools/registry.sh): a new one is a new file, nothing here changes.

# No built-in rules: they would try to remake dependency files as programs.
MAKEFLAGS += -r

ifeq ($(origin CC),default)
CC = gcc
endif
BUILD ?= build
OPT ?= -O3
WARN = -Wall -Wextra -Wshadow -Wvla
SANITIZE ?=
CFLAGS ?=
LDFLAGS ?=

PKGS = hdf5-serial libconfig zlib sndfile samplerate fftw3f libturbojpeg libpng
BLAS_DIR = $(firstword $(wildcard /usr/lib/*/openblas-openmp) /usr/lib)
BLAS_INC = $(firstword $(wildcard /usr/include/*/openblas-openmp) /usr/include)

# Values must not depend on which contraction a compiler finds, hence -ffp-contract=off; the other two change no value, they let
# loops vectorise.
ALL_CFLAGS = -std=c17 -D_DEFAULT_SOURCE $(OPT) -g $(WARN) -ffp-contract=off -fno-math-errno -fno-trapping-math -fopenmp $(SANITIZE) -I. \
             $(shell pkg-config --cflags $(PKGS)) -isystem $(BLAS_INC) -MMD -MP $(CFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS)) -L$(BLAS_DIR) -Wl,-rpath,$(BLAS_DIR) -lopenblas -lm -lpthread

# Kernels are compiled once for each instruction set; the names end up in core/kernels.c.
ISA_portable =
ISA_avx2 = -mavx2 -mpopcnt -mbmi2
ISA_avx512 = -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vpopcntdq -mavx512vnni -mpopcnt -mbmi2 -mprefer-vector-width=512
ISA_SRC = loops products
ISAS = portable $(if $(filter x86_64,$(shell uname -m)),avx2 avx512)

# The door to the rules in double precision is compiled in that way alone.
PLAYER_SRC = core/regret_player.c
SRC = $(filter-out $(PLAYER_SRC),$(wildcard core/*.c baselines/*.c datasets/*.c))
PROGRAM_SRC = $(wildcard experiments/*.c)
LIB_OBJ = $(SRC:%.c=$(BUILD)/%.o) $(BUILD)/registry.o $(patsubst %.c,$(BUILD)/%.o,$(wildcard core/kernels/reference*.c)) \
          $(foreach source,$(ISA_SRC),$(ISAS:%=$(BUILD)/core/kernels/$(source)_%.o)) $(DOUBLE_OBJ)
# The rules on bits, once more in double precision for the regret experiment.
BITS_SRC := $(shell grep -l 'BSO_REP_BITS' $$(grep -l '^const bso_optimizer bso_optimizer_' $(SRC)))
DOUBLE_SRC = core/optimizer.c core/momentum.c $(BITS_SRC)
DOUBLE_OBJ = $(DOUBLE_SRC:%.c=$(BUILD)/double/%.o) $(PLAYER_SRC:%.c=$(BUILD)/double/%.o) $(BUILD)/double/registry.o
PROGRAM_OBJ = $(filter-out $(BUILD)/experiments/main.o,$(PROGRAM_SRC:%.c=$(BUILD)/%.o))
TEST_SRC = $(wildcard tests/test_*.c tests/faults/test_*.c)
TEST_LIB_OBJ = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(TEST_SRC),$(wildcard tests/*.c)))
TESTS = $(TEST_SRC:tests/%.c=$(BUILD)/tests/%)
TEST_SCRIPTS = $(wildcard tests/*.sh tests/faults/*.sh)
FUZZ_SRC = $(filter-out tests/fuzz/fuzz.c tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))
FUZZERS = $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/%)
REPLAYS = $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/replay_%)
FUZZ_OBJ = $(BUILD)/tests/fuzz/fuzz.o $(TEST_LIB_OBJ) $(BUILD)/libexperiments.a $(BUILD)/libbso.a
FORMATTED = $(shell find core baselines datasets experiments tests -name '*.[ch]')

.PHONY: all program mpi mpi-if-there tests test faults soak test-races bench test-avx512 fuzz fuzzers optimizer clean format format-check install-deps help FORCE
.SECONDARY:
all: program
program: $(BUILD)/bso

$(BUILD)/bso: $(BUILD)/experiments/main.o $(BUILD)/libexperiments.a $(BUILD)/libbso.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libbso.a: $(LIB_OBJ)
$(BUILD)/libexperiments.a: $(PROGRAM_OBJ)
%.a:
	@rm -f $@
	ar rcs $@ $^

# The same program with the door to other machines (docs/mpi.md), which is one object: MPI is needed by nothing else.
MPI_CFLAGS = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags ompi-c 2>/dev/null))
mpi: $(BUILD)/bso-mpi
# For tests: only where there is one.
mpi-if-there: $(if $(shell pkg-config --exists ompi-c && echo there),mpi)

$(BUILD)/bso-mpi: $(BUILD)/experiments/main.o $(BUILD)/mpi/shards_mpi.o $(BUILD)/libexperiments.a $(BUILD)/libbso.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) $$(pkg-config --libs ompi-c)

$(BUILD)/mpi/shards_mpi.o: core/shards_mpi.c $(BUILD)/flags
	@mkdir -p $(dir $@)
	@pkg-config --exists ompi-c || { echo 'make mpi needs Open MPI: apt-get install libopenmpi-dev openmpi-bin' >&2; exit 1; }
	$(CC) $(ALL_CFLAGS) -DBSO_MPI $(MPI_CFLAGS) -c -o $@ $<

# Recompile everything when the compiler or its flags change.
$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' > $@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(dir $@)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

define isa_rule
$(BUILD)/core/kernels/$(1)_$(2).o: core/kernels/$(1).c $(BUILD)/flags
	@mkdir -p $$(dir $$@)
	$(CC) $(ALL_CFLAGS) $(ISA_$(2)) -DBSO_ISA=$(2) -c -o $$@ $$<
endef
$(foreach source,$(ISA_SRC),$(foreach isa,$(ISAS),$(eval $(call isa_rule,$(source),$(isa)))))

# Which sources there are: make would not notice one that is gone, or that is no rule on bits any more.
$(BUILD)/sources: FORCE
	@mkdir -p $(BUILD)
	@echo '$(sort $(SRC)) / $(sort $(BITS_SRC))' | cmp -s - $@ || echo '$(sort $(SRC)) / $(sort $(BITS_SRC))' > $@

$(BUILD)/registry.c: tools/registry.sh $(SRC) $(BUILD)/sources
	@mkdir -p $(BUILD)
	sh tools/registry.sh $(SRC) > $@.tmp && mv $@.tmp $@

$(BUILD)/registry.o: $(BUILD)/registry.c
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Both copies of a rule live in one program: every symbol of the second one has a name of its own, NAME_double. A rule that takes
# the scalar for a float must not pass with a warning.
DOUBLE_FLAGS = -DBSO_SCALAR=double -include $(BUILD)/double/names.h -Werror=incompatible-pointer-types
$(BUILD)/double/names.h: $(DOUBLE_SRC:%.c=$(BUILD)/%.o) $(BUILD)/registry.o
	@mkdir -p $(BUILD)/double
	@nm -g --defined-only $^ | sed -n 's/^[0-9a-fA-F]* [A-Z] \([a-z][A-Za-z0-9_]*\)$$/#define \1 \1_double/p' | LC_ALL=C sort -u > $@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@

$(BUILD)/double/registry.c: tools/registry.sh $(BITS_SRC) $(BUILD)/sources
	@mkdir -p $(BUILD)/double
	sh tools/registry.sh $(BITS_SRC) > $@.tmp && mv $@.tmp $@

$(BUILD)/double/registry.o: $(BUILD)/double/registry.c $(BUILD)/double/names.h
	$(CC) $(ALL_CFLAGS) $(DOUBLE_FLAGS) -c -o $@ $<

$(BUILD)/double/%.o: %.c $(BUILD)/double/names.h $(BUILD)/flags
	@mkdir -p $(dir $@)
	$(CC) $(ALL_CFLAGS) $(DOUBLE_FLAGS) -c -o $@ $<

# What was built, for /provenance of result files.
$(BUILD)/version.h: FORCE
	@mkdir -p $(BUILD)
	@printf '#define BSO_COMMIT "%s"\n#define BSO_FLAGS "%s"\n' \
	    "$$(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)" \
	    '$(strip $(OPT) $(SANITIZE) $(CFLAGS) -ffp-contract=off -fopenmp)' > $@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@
$(BUILD)/core/record.o: $(BUILD)/version.h
$(BUILD)/core/record.o: private ALL_CFLAGS += -include $(BUILD)/version.h

$(TESTS): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(TEST_LIB_OBJ) $(BUILD)/libexperiments.a $(BUILD)/libbso.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

tests: $(TESTS) $(REPLAYS)

# Every fuzz target twice: to be fed with files, by any compiler, and with libFuzzer, by clang (see `fuzz`).
$(REPLAYS): $(BUILD)/fuzz/replay_%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/replay.o $(FUZZ_OBJ)
	@mkdir -p $(dir $@)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(FUZZ_OBJ)
	@mkdir -p $(dir $@)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS) -lcmocka

fuzzers: $(FUZZERS)

# A second make, because the first one has looked for the libraries before they were installed.
test:
	@tools/install-dependencies.sh --for test
	@$(MAKE) -s --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) program tests mpi-if-there
	@tools/run-tests.sh $(BUILD)/bso $(TESTS) $(REPLAYS) $(TEST_SCRIPTS)

# Faults in large numbers: COUNT kills, every call that can fail.
COUNT = 50
faults:
	@tools/install-dependencies.sh --for test
	@$(MAKE) -s --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) program tests
	@BSO_FAULTS=$(COUNT) BSO_FAULT_STEP=1 BSO_TEST_SECONDS=7200 tools/run-tests.sh $(BUILD)/bso \
	    $(filter $(BUILD)/tests/faults/%,$(TESTS)) $(filter tests/faults/% tests/slurm.sh,$(TEST_SCRIPTS))

# Short trainings back to back for HOURS: nothing may grow.
HOURS = 2
soak: $(BUILD)/tests/faults/test_soak
	@BSO_SOAK_SECONDS=$$(awk 'BEGIN { print $(HOURS) * 3600 }') $<

# Data races, by ThreadSanitizer: in a build of its own, by clang.
test-races:
	@$(MAKE) -s --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) BUILD=build-tsan CC=clang OPT=-O1 SANITIZE=-fsanitize=thread program
	@CC=clang tools/test-races.sh build-tsan/bso

# The tests that go through every table of kernels, on an emulated CPU with AVX-512: all, or TARGETS="kernels". Slow.
EVERY_PATH = $(if $(TARGETS),$(TARGETS:%=tests/test_%.c),$(shell grep -l bso_kernels_available $(TEST_SRC)))
test-avx512:
	@tools/install-dependencies.sh --for test
	@$(MAKE) -s --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) $(EVERY_PATH:tests/%.c=$(BUILD)/tests/%)
	@CC='$(CC)' tools/test-avx512.sh $(BUILD)/emulated $(EVERY_PATH:tests/%.c=$(BUILD)/tests/%)

# Fuzz the parsers for SECONDS_EACH seconds (30) each: all, or TARGETS="idx wav". What was learnt stays in CORPUS.
fuzz:
	@tools/install-dependencies.sh --for ci
	@$(MAKE) -s --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) BUILD=build-fuzz CC=clang OPT=-O1 \
	    'SANITIZE=-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer' fuzzers
	@tools/fuzz.sh build-fuzz/fuzz "$(or $(SECONDS_EACH),30)" "$(or $(CORPUS),build-fuzz/corpus)" \
	    $(or $(TARGETS),$(sort $(FUZZ_SRC:tests/fuzz/%.c=%)))

# How fast it is here, some minutes; BENCH: options of `bso bench`, such as --quick.
bench:
	@tools/install-dependencies.sh --for run
	@$(MAKE) -s --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) program
	@$(BUILD)/bso bench --out results/bench $(BENCH)
	@plots/draw.sh results/bench bench

# Given on the command line: NAME in the environment is something else.
optimizer:
	@tools/new-optimizer.sh "$(if $(filter command,$(origin NAME)),$$NAME)"

install-deps:
	@tools/install-dependencies.sh --for ci

clean:
	rm -rf build

format:
	clang-format -i $(FORMATTED)

format-check:
	clang-format --dry-run -Werror $(FORMATTED)

help:
	@echo 'make               build/bso, optimised'
	@echo 'make mpi           build/bso-mpi, for one training on several machines; needs Open MPI'
	@echo 'make test          install what the tests need, build and run all of them'
	@echo 'make tests         build the tests only'
	@echo 'make faults        what can go wrong, in large numbers: kills, calls and allocations that fail, sweeps that meet; COUNT=50'
	@echo 'make soak          short trainings back to back: memory and open files must stay where they are; HOURS=2'
	@echo 'make test-races    look for data races in trainings and sweeps, by ThreadSanitizer'
	@echo 'make test-avx512   run the tests of the kernels on an emulated CPU that has AVX-512, where this one has not;  TARGETS="kernels"'
	@echo 'make bench         measure how fast kernels and trainings are here, beside sgemm, into results/bench; BENCH="--quick"'
	@echo 'make fuzz          feed every parser with made-up files, 30 s each; SECONDS_EACH=300  TARGETS="idx hdf5"'
	@echo 'make optimizer NAME=my_rule'
	@echo '                   write baselines/my_rule.c, a complete update rule to start from'
	@echo 'make format        lay out the sources; format-check only looks'
	@echo 'make install-deps  install every package that building, testing and checking need'
	@echo 'make clean         remove build/'
	@echo
	@echo 'Variables: BUILD=folder  CC=compiler  OPT="-O1"  SANITIZE="-fsanitize=address,undefined"  CFLAGS=-Werror'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
