/* What the XDP filter and the program that fills its maps agree on. C, for both compilers. */
#pragma once

#include <linux/types.h>

/* Verdicts of the prefix maps. */
enum tcqf_verdict {
    TCQF_TO_HOST = 0,
    TCQF_TO_WORKER = 1,
};

/* Positions in the map of counters. */
enum tcqf_filter_counter {
    TCQF_PASSED_TO_HOST = 0,
    TCQF_GIVEN_TO_WORKER = 1,
    TCQF_FILTER_COUNTERS = 2,
};

/* Writer: the control thread, one update for all of it. Reader: the filter. */
struct tcqf_filter_settings {
    __u32 active;  /* 0: everything goes to the host */
    __u32 unknown; /* verdict for unicast in no prefix of the maps */
    __u8 mac[6];   /* the interface's own */
    __u8 reserved[2];
};

/* How many each of the longest-prefix maps holds. */
#define TCQF_FILTER_PREFIXES (1 << 17)

/* Their keys; the address in network order. */
struct tcqf_ipv4_key {
    __u32 length;
    __u8 address[4];
};
struct tcqf_ipv6_key {
    __u32 length;
    __u8 address[16];
};
