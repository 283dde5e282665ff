// Runs a fuzz target without a fuzzer: over its kept corpus, then over a fixed number of mutations
// of it, the same ones on every machine. Any compiler will do; finding new ground is libFuzzer's.
//
//   fuzz_NAME [--mutations N] FILE-OR-DIRECTORY...
//
// A crash leaves the input that caused it in crash-input; run the target on that file again.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t kLargestInput = 64 * 1024;

// What the signal handler writes out: the input that is being run.
const std::uint8_t* running_data = nullptr;
std::size_t running_size = 0;

extern "C" void keep_crash(int signal_number) {
    const int file = ::open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file >= 0 && ::write(file, running_data, running_size) >= 0) {
        static constexpr char kText[] = "crashed; the input is in crash-input\n";
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText, sizeof kText - 1);
    }
    ::signal(signal_number, SIG_DFL);
    ::raise(signal_number);
}

void run(const Input& input) {
    // A copy of exactly the right size, so that address checkers see reads past the end.
    const Input exact(input.begin(), input.end());
    running_data = exact.data();
    running_size = exact.size();
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

/// xorshift64*: small, and the same everywhere.
class Random {
  public:
    std::uint64_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545F4914F6CDD1D;
    }
    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : next() % bound; }

  private:
    std::uint64_t state_ = 0x9E3779B97F4A7C15;
};

Input::iterator at(Input& input, std::size_t index) {
    return input.begin() + static_cast<std::ptrdiff_t>(index);
}

void overwrite_with_edge(Input& input, Random& random) {
    static constexpr std::uint8_t kEdges[] = {0x00, 0x01, 0x02, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff};
    if (!input.empty()) {
        input[random.below(input.size())] = kEdges[random.below(std::size(kEdges))];
    }
}

void flip_bit(Input& input, Random& random) {
    if (!input.empty()) {
        input[random.below(input.size())] ^= static_cast<std::uint8_t>(1U << random.below(8));
    }
}

void insert_bytes(Input& input, Random& random) {
    const std::size_t count = 1 + random.below(8);
    const std::size_t where = random.below(input.size() + 1);
    input.insert(at(input, where), count, static_cast<std::uint8_t>(random.next()));
}

void erase_bytes(Input& input, Random& random) {
    const std::size_t from = random.below(input.size());
    const std::size_t count = std::min(1 + random.below(8), input.size() - from);
    input.erase(at(input, from), at(input, from + count));
}

void repeat_range(Input& input, Random& random) {
    const std::size_t from = random.below(input.size());
    const std::size_t count = std::min(1 + random.below(64), input.size() - from);
    const Input range(at(input, from), at(input, from + count));
    input.insert(at(input, random.below(input.size() + 1)), range.begin(), range.end());
}

void splice(Input& input, const Input& other, Random& random) {
    input.resize(random.below(input.size() + 1));
    const std::size_t from = random.below(other.size() + 1);
    input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
}

Input mutate(const std::vector<Input>& corpus, Random& random) {
    Input input = corpus[random.below(corpus.size())];
    for (std::size_t left = 1 + random.below(4); left > 0; --left) {
        switch (random.below(7)) {
            case 0:
                overwrite_with_edge(input, random);
                break;
            case 1:
                insert_bytes(input, random);
                break;
            case 2:
                erase_bytes(input, random);
                break;
            case 3:
                repeat_range(input, random);
                break;
            case 4:
                splice(input, corpus[random.below(corpus.size())], random);
                break;
            case 5:
                input.resize(random.below(input.size() + 1));
                break;
            default:
                flip_bit(input, random);
                break;
        }
    }
    input.resize(std::min(input.size(), kLargestInput));
    return input;
}

Input read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return Input(std::istreambuf_iterator<char>(file), {});
}

/// The files named, those in directories in the order of their names.
std::vector<std::filesystem::path> files_in(const std::vector<std::string_view>& names) {
    std::vector<std::filesystem::path> files;
    for (const std::string_view name : names) {
        if (std::filesystem::is_directory(name)) {
            for (const auto& entry : std::filesystem::recursive_directory_iterator(name)) {
                if (entry.is_regular_file()) {
                    files.push_back(entry.path());
                }
            }
        } else {
            files.emplace_back(name);
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t mutations = 0;
    std::vector<std::string_view> names;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--mutations" && i + 1 < argc) {
            const std::string_view number = argv[++i];
            std::from_chars(number.data(), number.data() + number.size(), mutations);
        } else {
            names.push_back(word);
        }
    }
    for (const int signal_number : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTERM}) {
        ::signal(signal_number, keep_crash);
    }

    std::vector<Input> corpus;
    for (const auto& file : files_in(names)) {
        corpus.push_back(read(file));
        run(corpus.back());
    }
    if (corpus.empty()) {
        std::fputs("no input: name the files or directories of the corpus\n", stderr);
        return 2;
    }
    Random random;
    for (std::size_t done = 0; done < mutations; ++done) {
        run(mutate(corpus, random));
    }
    std::printf("%zu inputs and %zu mutations of them\n", corpus.size(), mutations);
    return 0;
}
