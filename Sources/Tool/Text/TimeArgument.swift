internal import ArgumentParser
package import Model
internal import Query

/// Points in time on the command line: RFC 3339 with a zone, Unix seconds, or relative to now.
package enum TimeArgument {
  package struct Fault: Error, Equatable {
    package var message: String
  }

  /// Nanoseconds since the epoch.
  ///
  /// - Parameter option: how the message names the value, such as `--from`.
  package static func parse(
    _ text: String,
    option: String,
    now: Timestamp
  ) throws(Fault) -> Timestamp {
    if let remedy = remedyForMissingZone(text) {
      throw Fault(message: "\(option) is \"\(text)\", a time without a zone; \(remedy)")
    }
    do throws(QueryError) {
      let time = try TimeText.parse(text, parameter: option, now: now)
      guard time >= 0, time <= Int128(Int64.max) else {
        throw QueryError(.badData, "\(option) is \"\(text)\"; expected a time from 1970 to 2262")
      }
      return Timestamp(time)
    } catch {
      throw Fault(message: error.message)
    }
  }

  /// For `2026-01-31`, `2026-01-31 12:00` and the like: what to write instead.
  package static func remedyForMissingZone(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    func isDate(_ pattern: String) -> Bool {
      zip(bytes, pattern.utf8).allSatisfy { $1 == UInt8(ascii: "0") ? $0 &- 48 < 10 : $0 == $1 }
    }
    guard bytes.count >= 10, isDate("0000-00-00") else { return nil }
    var clock = "00:00:00"
    if bytes.count > 10 {
      guard bytes[10] == 0x20 || bytes[10] | 0x20 == UInt8(ascii: "t") else { return nil }
      let rest = bytes[11...]
      guard rest.allSatisfy({ $0 &- 48 < 10 || $0 == 0x3a || $0 == 0x2e }) else { return nil }
      let given = String(decoding: rest, as: UTF8.self)
      clock = given.utf8.count == 5 ? given + ":00" : given
    }
    let moment = "\(text.prefix(10))T\(clock)"
    return "write \(moment)Z for UTC, or an offset such as \(moment)+02:00"
  }
}

extension Check {
  /// The time that an option names.
  static func time(_ text: String, option: String, now: Timestamp) throws -> Timestamp {
    do throws(TimeArgument.Fault) {
      return try TimeArgument.parse(text, option: "--\(option)", now: now)
    } catch {
      throw ValidationError(error.message)
    }
  }
}
