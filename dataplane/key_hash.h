// Hash function for rte_hash tables whose keys have 16 octets.
#pragma once

#include <rte_hash_crc.h>

#include <cstdint>
#include <cstring>

namespace tcqf::dataplane {

/// What rte_hash_crc() gives, without its loop over lengths.
inline std::uint32_t hash_of_16_octets(const void* key, std::uint32_t, std::uint32_t seed) {
    std::uint64_t words[2];
    std::memcpy(words, key, sizeof words);
    return rte_hash_crc_8byte(words[1], rte_hash_crc_8byte(words[0], seed));
}

}  // namespace tcqf::dataplane
