// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
// The XDP filter: gives the worker what the router forwards and leaves the host the rest.
//
// docs/kernel.md has the split. In short, of frames without a VLAN tag:
//   MPLS to the interface's own MAC                         worker
//   IPv6 with a header that may hold the TCQF option        worker, whatever its addresses
//   IPv4, IPv6 unicast to the own MAC, routed prefix        worker
//   own addresses, link-local, multicast, other MACs, rest  host
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "dataplane/bpf/xdp_filter.h"

#define IPV4_DESTINATION 16
#define IPV4_HEADER 20
#define IPV6_NEXT_HEADER 6
#define IPV6_DESTINATION 24
#define IPV6_HEADER 40

enum {
    NEXT_HOP_BY_HOP = 0,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_AUTHENTICATION = 51,
    NEXT_DESTINATION = 60,
};

/* Filled by the AF_XDP driver: the socket of each receive queue. */
struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 256);
    __type(key, __u32);
    __type(value, __u32);
} xsks_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct tcqf_filter_settings);
} tcqf_settings SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, TCQF_FILTER_PREFIXES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct tcqf_ipv4_key);
    __type(value, __u8);
} tcqf_prefixes4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, TCQF_FILTER_PREFIXES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct tcqf_ipv6_key);
    __type(value, __u8);
} tcqf_prefixes6 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, TCQF_FILTER_COUNTERS);
    __type(key, __u32);
    __type(value, __u64);
} tcqf_verdicts SEC(".maps");

/* The BPF target has no memcmp. */
static __always_inline int is_own_mac(const __u8* mac,
                                      const struct tcqf_filter_settings* settings) {
    for (int i = 0; i < ETH_ALEN; ++i) {
        if (mac[i] != settings->mac[i]) {
            return 0;
        }
    }
    return 1;
}

static __always_inline int ipv4_verdict(const __u8* header, const __u8* end,
                                        const struct tcqf_filter_settings* settings) {
    if (header + IPV4_HEADER > end) {
        return TCQF_TO_HOST;
    }
    struct tcqf_ipv4_key key = {.length = 32};
    __builtin_memcpy(key.address, header + IPV4_DESTINATION, 4);
    const __u8* verdict = bpf_map_lookup_elem(&tcqf_prefixes4, &key);
    return verdict ? *verdict : (int)settings->unknown;
}

/* Only a worker may see what can carry the option; fragments and authenticated packets can have it
 * behind the next header as well. */
static __always_inline int may_hold_option(__u8 next_header) {
    return next_header == NEXT_HOP_BY_HOP || next_header == NEXT_ROUTING ||
           next_header == NEXT_FRAGMENT || next_header == NEXT_AUTHENTICATION ||
           next_header == NEXT_DESTINATION;
}

static __always_inline int ipv6_verdict(const __u8* header, const __u8* end, int own_mac,
                                        const struct tcqf_filter_settings* settings) {
    if (header + IPV6_HEADER > end) {
        return TCQF_TO_HOST;
    }
    if (may_hold_option(header[IPV6_NEXT_HEADER])) {
        return TCQF_TO_WORKER;
    }
    const __u8* destination = header + IPV6_DESTINATION;
    const int is_link_local = destination[0] == 0xfe && (destination[1] & 0xc0) == 0x80;
    if (!own_mac || is_link_local || destination[0] == 0xff) {
        return TCQF_TO_HOST;
    }
    struct tcqf_ipv6_key key = {.length = 128};
    __builtin_memcpy(key.address, destination, 16);
    const __u8* verdict = bpf_map_lookup_elem(&tcqf_prefixes6, &key);
    return verdict ? *verdict : (int)settings->unknown;
}

static __always_inline int verdict_of(const struct xdp_md* context,
                                      const struct tcqf_filter_settings* settings) {
    const __u8* data = (const __u8*)(long)context->data;
    const __u8* end = (const __u8*)(long)context->data_end;
    if (data + ETH_HLEN > end) {
        return TCQF_TO_HOST;
    }
    const int own_mac = is_own_mac(data, settings);
    const __u16 ether_type = (__u16)(data[12] << 8 | data[13]);
    switch (ether_type) {
        case ETH_P_MPLS_UC:
            return own_mac ? TCQF_TO_WORKER : TCQF_TO_HOST;
        case ETH_P_IP:
            return own_mac ? ipv4_verdict(data + ETH_HLEN, end, settings) : TCQF_TO_HOST;
        case ETH_P_IPV6:
            return ipv6_verdict(data + ETH_HLEN, end, own_mac, settings);
        default:
            return TCQF_TO_HOST;
    }
}

static __always_inline void count(__u32 counter) {
    __u64* value = bpf_map_lookup_elem(&tcqf_verdicts, &counter);
    if (value) {
        ++*value;
    }
}

SEC("xdp")
int tcqf_filter(struct xdp_md* context) {
    const __u32 first = 0;
    const struct tcqf_filter_settings* settings = bpf_map_lookup_elem(&tcqf_settings, &first);
    if (!settings || !settings->active || verdict_of(context, settings) != TCQF_TO_WORKER) {
        count(TCQF_PASSED_TO_HOST);
        return XDP_PASS;
    }
    count(TCQF_GIVEN_TO_WORKER);
    // A queue that no worker polls: the host must not forward past the router, so it is lost.
    return (int)bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_DROP);
}

char program_license[] SEC("license") = "Dual BSD/GPL";
