#include "dataplane/worker.h"

#include "dataplane/forwarder.h"

namespace tcqf::dataplane {

Worker::Worker(SharedState& shared, unsigned index)
    : forwarder_(std::make_unique<Forwarder>(shared, index)) {
}

Worker::~Worker() = default;

std::int64_t Worker::step(std::int64_t now_ns) {
    receive(now_ns);
    return transmit(now_ns);
}

unsigned Worker::receive(std::int64_t now_ns) {
    refresh();
    advance(now_ns);
    const unsigned packets = take_handed_over();
    return packets + forwarder_->receive(now_ns);
}

unsigned Worker::receive_from(config::InterfaceIndex interface, std::int64_t now_ns) {
    return forwarder_->receive_from(interface, now_ns);
}

unsigned Worker::take_handed_over() {
    return forwarder_->sender().take_handed_over();
}

std::int64_t Worker::transmit(std::int64_t now_ns) {
    return forwarder_->sender().transmit(now_ns);
}
void Worker::advance(std::int64_t now_ns) {
    forwarder_->sender().advance(now_ns);
}
void Worker::refresh() {
    forwarder_->refresh();
}
void Worker::flush() {
    forwarder_->sender().flush();
}

const std::vector<config::InterfaceIndex>& Worker::interfaces() const {
    return forwarder_->sender().interfaces();
}
std::uint64_t Worker::queued() const {
    return forwarder_->sender().queued();
}
const WorkerCounters& Worker::counters() const {
    return forwarder_->sender().counters();
}

}  // namespace tcqf::dataplane
