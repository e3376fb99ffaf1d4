/* aedat.c: fuzzes the reader of AEDAT 2.0 recordings. */
#include "tests/fuzz/events.h"

static const bso_fuzz_format format = {"a.aedat", bso_events_aedat, bso_events_write_aedat, BSO_AEDAT_SIDE,
                                       UINT32_MAX};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bso_fuzz_events(&format, data, size);
    return 0;
}

void bso_fuzz_seeds(void)
{
    static const char two[] = "#!AER-DAT2.0\r\n# made by hand\r\n"
                              "\x00\x00\x7f\xff\x00\x01\x02\x03"
                              "\x00\x00\x80\x00\xff\xff\xff\xff";
    static const char later[] = "#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n";
    bso_small_find("aedat")->write();
    bso_fuzz_seed_file("seed-made", -1, bso_small_find("aedat")->files[0]);
    bso_fuzz_seed("seed-outside", two, sizeof two - 1);
    bso_fuzz_seed("seed-version", later, sizeof later - 1);
}
