/// Why a query has no answer. The message is for the person who asked: it names the parameter, what
/// was found and what was expected.
public struct QueryError: Error, Hashable, Sendable {
  /// The kinds of the Prometheus envelope; the raw value is its `errorType`.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The request itself is wrong.
    case badData = "bad_data"
    /// The request is well formed and cannot be answered within its limits.
    case execution
    case timeout
    case canceled
    /// The server cannot answer now: it starts, stops, or too many queries wait.
    case unavailable
    case notFound = "not_found"
    /// Whoever asks may not.
    case unauthorized
    case `internal`
  }

  public var kind: Kind
  public var message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// A parameter whose value is not what it must be.
  static func parameter(_ name: String, found: String, expected: String) -> QueryError {
    QueryError(.badData, "\(name): found \"\(excerpt(found))\", expected \(expected)")
  }

  /// A parameter that a route does not have.
  package static func unknownParameter(_ name: String, known: [String]) -> QueryError {
    var message = "unknown parameter \"\(excerpt(name))\""
    if let word = NearName.suggestion(for: name, among: known) {
      message += "; did you mean \(word)?"
    } else {
      message += "; expected one of \(known.joined(separator: ", "))"
    }
    return QueryError(.badData, message)
  }

  /// The first 64 characters of a text that a client sent, for a message.
  static func excerpt(_ text: String) -> String {
    let head = text.prefix(64)
    return head.count < text.count ? head + "…" : String(head)
  }

  /// The HTTP status that goes with the kind.
  public var httpStatus: Int {
    switch kind {
    case .badData: 400
    case .unauthorized: 401
    case .notFound: 404
    case .execution: 422
    case .canceled: 499
    case .internal: 500
    case .timeout, .unavailable: 503
    }
  }

  /// The error envelope: `{"status":"error","errorType":"…","error":"…"}`.
  public func json() -> [UInt8] {
    var text = JSONText()
    text.append(#"{"status":"error","errorType":"#)
    text.appendString(kind.rawValue.utf8.span)
    text.append(#","error":"#)
    text.appendString(message.utf8.span)
    text.append("}")
    return text.bytes
  }
}
