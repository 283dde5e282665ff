// Writing a tag into its place.
#pragma once

#include <cstdint>

#include "tcqf/tag_table.h"

namespace tcqf::dataplane {

/// `place`: a label stack entry, an IP header, or a TCQF option, as the kind of tag says. ECN bits
/// and checksums stay right.
void write_tag(Tagging tagging, std::uint8_t* place, std::uint8_t tag);

}  // namespace tcqf::dataplane
