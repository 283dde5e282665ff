// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
// Between an AF_XDP interface, the host's kernel and the worker: a TAP that the worker reads and
// writes stands in for the kernel's side of the interface.
//
// What the kernel sends on the interface is turned into the TAP, so that it waits its turn in the
// worker's queues instead of passing them by. What the worker writes to the TAP appears as received
// on the interface. Frames that the worker itself sends by AF_XDP do not come through here.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PTP_EVENT_PORT 319
#define IPV4_PROTOCOL 9
#define IPV6_NEXT_HEADER 6
#define IPV6_HEADER 40
#define UDP_DESTINATION_PORT 2

const volatile __u32 interface_index = 0;
const volatile __u32 tap_index = 0;

static __always_inline int goes_to_ptp_event_port(struct __sk_buff* packet, __u32 udp_offset) {
    __be16 port = 0;
    return bpf_skb_load_bytes(packet, udp_offset + UDP_DESTINATION_PORT, &port, sizeof(port)) ==
               0 &&
           port == bpf_htons(PTP_EVENT_PORT);
}

/* Event messages of PTP: their send time is taken by the interface itself, so they must leave by it
 * directly. */
static __always_inline int is_ptp_event(struct __sk_buff* packet) {
    __u8 octet = 0;
    switch (bpf_ntohs((__u16)packet->protocol)) {
        case ETH_P_1588:
            return 1;
        case ETH_P_IP:
            if (bpf_skb_load_bytes(packet, ETH_HLEN + IPV4_PROTOCOL, &octet, 1) != 0 ||
                octet != IPPROTO_UDP || bpf_skb_load_bytes(packet, ETH_HLEN, &octet, 1) != 0) {
                return 0;
            }
            return goes_to_ptp_event_port(packet, ETH_HLEN + (octet & 0xfU) * 4);
        case ETH_P_IPV6:
            if (bpf_skb_load_bytes(packet, ETH_HLEN + IPV6_NEXT_HEADER, &octet, 1) != 0 ||
                octet != IPPROTO_UDP) {
                return 0;
            }
            return goes_to_ptp_event_port(packet, ETH_HLEN + IPV6_HEADER);
        default:
            return 0;
    }
}

SEC("tc")
int tcqf_from_host(struct __sk_buff* packet) {
    if (is_ptp_event(packet)) {
        return TC_ACT_OK;
    }
    // A clone, because redirecting to a TAP that is gone (the router was killed) would lose the
    // frame without a word: then the host sends by itself again.
    return bpf_clone_redirect(packet, tap_index, 0) < 0 ? TC_ACT_OK : TC_ACT_STOLEN;
}

SEC("tc")
int tcqf_to_host(struct __sk_buff* packet) {
    (void)packet;
    return (int)bpf_redirect(interface_index, BPF_F_INGRESS);
}

char program_license[] SEC("license") = "Dual BSD/GPL";
