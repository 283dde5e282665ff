// A value or the reason why there is none: how everything that asks the system for something
// answers.
#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <variant>

namespace tcqf {

/// What a program's exit code says about a failure (0 is success).
enum class FailureKind : std::uint8_t {
    wrong_request = 1,  ///< the thing asked for is wrong: configuration, capture
    wrong_usage = 2,
    system_refused = 3,  ///< no permission, no huge pages, device missing or busy
};

constexpr int exit_code_of(FailureKind kind) {
    return static_cast<int>(kind);
}

/// One sentence that says what is wrong and what to do.
struct Failure {
    FailureKind kind = FailureKind::system_refused;
    std::string message;
};

inline Failure system_refused(std::string message) {
    return {FailureKind::system_refused, std::move(message)};
}

/// What went wrong, as a person is told.
inline std::string words_of(const std::exception& error) {
    return dynamic_cast<const std::bad_alloc*>(&error) != nullptr ? "there is not enough memory"
                                                                  : error.what();
}

template <class T>
class [[nodiscard]] Result {
  public:
    // Implicit, so that functions return a value or a failure as it is.
    // NOLINTBEGIN(google-explicit-constructor)
    Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
    Result(Failure failure) : content_(std::in_place_index<1>, std::move(failure)) {}
    // NOLINTEND(google-explicit-constructor)

    bool ok() const { return content_.index() == 0; }
    explicit operator bool() const { return ok(); }
    T& value() { return std::get<0>(content_); }
    const T& value() const { return std::get<0>(content_); }
    const Failure& failure() const { return std::get<1>(content_); }

  private:
    std::variant<T, Failure> content_;
};

/// Success carries nothing.
struct Done {};
using Status = Result<Done>;

}  // namespace tcqf
