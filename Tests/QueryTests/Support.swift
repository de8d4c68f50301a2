import Model
import Query

/// 2026-01-31T12:00:00Z in nanoseconds.
let noon: Timestamp = 1_769_860_800_000_000_000

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// Parses `name=value` items joined by `&`; nothing is percent-decoded.
func request(_ query: String, now: Timestamp = noon) throws -> RangeRequest {
  try RangeRequest.parse(items: items(query), now: now)
}

func items(_ query: String) -> [(name: String, value: String)] {
  query.split(separator: "&").map { item in
    let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    return (name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : "")
  }
}
