package import Model

/// Points in time as requests write them: RFC 3339, Unix seconds or relative to now.
///
///     time := RFC 3339, with an offset and up to nine decimals
///           | digits [ "." 1 to 9 digits ]           Unix seconds
///           | "now" [ ("-" | "+") duration ] | "-" duration
package enum TimeText {
  static let expected =
    "RFC 3339 (2026-01-31T12:00:00Z), Unix seconds (1769860800.5) or relative to now "
    + "(now, -2d, now-1h30m)"

  /// Nanoseconds since the epoch. May lie outside of what a ``Timestamp`` holds, and before 1970.
  package static func parse(
    _ text: String,
    parameter: String,
    now: Timestamp
  ) throws(QueryError) -> Int128 {
    func refuse(_ expected: String) -> QueryError {
      .parameter(parameter, found: text, expected: expected)
    }
    let bytes = Array(text.utf8)
    if text.hasPrefix("now") {
      let rest = text.dropFirst(3)
      guard let sign = rest.first else { return Int128(now) }
      // A plus that was not percent-encoded arrives as a space.
      guard sign == "-" || sign == "+" || sign == " " else { throw refuse(expected) }
      let offset = Int128(try relative(rest.dropFirst(), parameter, text))
      return sign == "-" ? Int128(now) - offset : Int128(now) + offset
    }
    if text.hasPrefix("-") {
      return Int128(now) - Int128(try relative(text.dropFirst(), parameter, text))
    }
    if bytes.count > 4, bytes[4] == UInt8(ascii: "-") {
      guard let time = RFC3339.parse(bytes) else { throw refuse(expected) }
      return time
    }
    guard let time = unixSeconds(bytes) else { throw refuse(expected) }
    guard time <= Int128(Int64.max) else {
      throw refuse("Unix seconds before the year 2262; is it in milliseconds or finer?")
    }
    return time
  }

  private static func relative(
    _ text: Substring,
    _ parameter: String,
    _ whole: String
  ) throws(QueryError) -> Int64 {
    do throws(DurationText.Failure) {
      return try DurationText.parse(text)
    } catch {
      let expected =
        switch error {
        case .missingUnit: "a unit behind each number of a relative time, as in -90m"
        case .tooLong: "a relative time of less than 292 years"
        case .malformed: Self.expected
        }
      throw .parameter(parameter, found: whole, expected: expected)
    }
  }

  /// Exact: no floating point. `nil` unless it is digits with at most nine decimals.
  private static func unixSeconds(_ bytes: [UInt8]) -> Int128? {
    var seconds: Int128 = 0
    var index = 0
    while index < bytes.count, isDigit(bytes[index]) {
      guard index < 24 else { return nil }
      seconds = seconds * 10 + Int128(bytes[index] - 48)
      index += 1
    }
    guard index > 0 else { return nil }
    var nanoseconds = seconds * 1_000_000_000
    guard index < bytes.count else { return nanoseconds }
    guard bytes[index] == UInt8(ascii: ".") else { return nil }
    guard let fraction = RFC3339.fraction(bytes[(index + 1)...]) else { return nil }
    nanoseconds += Int128(fraction)
    return nanoseconds
  }

  static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }
}

/// RFC 3339 date and time, years 0000 to 9999, without Foundation.
package enum RFC3339 {
  /// Nanoseconds since the epoch, or `nil` when `bytes` is not a valid time.
  ///
  /// A leap second (`:60`) is the second after it. A space is taken for the `+` of an offset, for
  /// that is how a plus arrives that was not percent-encoded.
  package static func parse(_ bytes: [UInt8]) -> Int128? {
    guard bytes.count >= 20, bytes[4] == 0x2d, bytes[7] == 0x2d else { return nil }
    guard bytes[10] | 0x20 == UInt8(ascii: "t") || bytes[10] == 0x20 else { return nil }
    guard bytes[13] == 0x3a, bytes[16] == 0x3a else { return nil }
    guard let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
      let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]),
      let minute = number(bytes[14..<16]), let second = number(bytes[17..<19])
    else { return nil }
    guard (1...12).contains(month), day >= 1, day <= days(inMonth: month, year: year) else {
      return nil
    }
    guard hour < 24, minute < 60, second <= 60 else { return nil }
    var index = 19
    var nanoseconds: Int64 = 0
    if bytes[index] == UInt8(ascii: ".") {
      var end = index + 1
      while end < bytes.count, TimeText.isDigit(bytes[end]) { end += 1 }
      guard let fraction = fraction(bytes[(index + 1)..<end]) else { return nil }
      nanoseconds = fraction
      index = end
    }
    guard let offset = offsetSeconds(bytes[index...]) else { return nil }
    let days = daysSinceEpoch(year: year, month: month, day: day)
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
    return Int128(seconds) * 1_000_000_000 + Int128(nanoseconds)
  }

  /// 1 to 9 digits behind a decimal point, in billionths.
  static func fraction(_ digits: ArraySlice<UInt8>) -> Int64? {
    guard (1...9).contains(digits.count), digits.allSatisfy(TimeText.isDigit) else { return nil }
    var value: Int64 = 0
    for digit in digits { value = value * 10 + Int64(digit - 48) }
    for _ in digits.count..<9 { value *= 10 }
    return value
  }

  private static func offsetSeconds(_ bytes: ArraySlice<UInt8>) -> Int64? {
    guard let sign = bytes.first else { return nil }
    if bytes.count == 1 { return sign | 0x20 == UInt8(ascii: "z") ? 0 : nil }
    let start = bytes.startIndex
    guard bytes.count == 6, bytes[start + 3] == 0x3a else { return nil }
    guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") || sign == 0x20 else { return nil }
    guard let hours = number(bytes[(start + 1)..<(start + 3)]),
      let minutes = number(bytes[(start + 4)..<(start + 6)]), hours < 24, minutes < 60
    else { return nil }
    let seconds = hours * 3_600 + minutes * 60
    return sign == UInt8(ascii: "-") ? -seconds : seconds
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    guard digits.allSatisfy(TimeText.isDigit) else { return nil }
    return digits.reduce(0) { $0 * 10 + Int64($1 - 48) }
  }

  private static func days(inMonth month: Int64, year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days from 1970-01-01 in the proleptic Gregorian calendar: years begin in March, so that the
  /// leap day ends them, and come in cycles of 400 (146,097 days).
  private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month > 2 ? year : year - 1
    let cycle = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfCycle = shifted - cycle * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfCycle = yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear
    return cycle * 146_097 + dayOfCycle - 719_468
  }
}
