internal import ArgumentParser
internal import Server

/// Checks of option values whose messages name the option, what was found and what was expected.
enum Check {
  static func address(_ text: String, option: String) throws {
    guard Address(text) != nil else {
      throw ValidationError(
        "--\(option) is \"\(text)\"; expected HOST:PORT, such as 127.0.0.1:9009"
      )
    }
  }

  static func range(_ value: Int, _ range: ClosedRange<Int>, option: String) throws {
    guard range.contains(value) else {
      throw ValidationError(
        "--\(option) is \(value); expected \(range.lowerBound) to "
          + Quantity.grouped(range.upperBound)
      )
    }
  }
}
