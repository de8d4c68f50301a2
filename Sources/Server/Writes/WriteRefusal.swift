/// Why a write is refused as a whole.
enum WriteRefusal: Error {
  /// The same without words: the label of metrics.
  enum Reason: String, CaseIterable {
    case badRequest = "bad_request"
    case unauthorized
    case tooLarge = "too_large"
    case unsupportedEncoding = "unsupported_encoding"
    /// Behind these are the 503s.
    case congested
    case cannotStore = "cannot_store"
    case notReady = "not_ready"
    case stopping

    var status: Int {
      switch self {
      case .badRequest: 400
      case .unauthorized: 401
      case .tooLarge: 413
      case .unsupportedEncoding: 415
      case .congested, .cannotStore, .notReady, .stopping: 503
      }
    }

    /// When the client should come again; `nil` when it need not.
    var retryAfterSeconds: Int? {
      switch self {
      case .badRequest, .unauthorized, .tooLarge, .unsupportedEncoding: nil
      case .congested: 2
      case .notReady, .stopping: 5
      case .cannotStore: 10
      }
    }
  }

  case badRequest(String)
  case unauthorized
  case tooLarge(String)
  case unsupportedEncoding(String)
  /// - Parameter reason: one of the 503s.
  case unavailable(Reason, String)

  var reason: Reason {
    switch self {
    case .badRequest: .badRequest
    case .unauthorized: .unauthorized
    case .tooLarge: .tooLarge
    case .unsupportedEncoding: .unsupportedEncoding
    case .unavailable(let reason, _): reason
    }
  }

  var status: Int { reason.status }

  var message: String {
    switch self {
    case .badRequest(let text), .tooLarge(let text), .unavailable(_, let text): text
    case .unauthorized: "this token may not write to this tenant"
    case .unsupportedEncoding(let name):
      "Content-Encoding \(LogText.escape(name, byteCountMax: 40)) is not understood; gzip or"
        + " identity are"
    }
  }

  var headers: [(name: String, value: String)] {
    if let seconds = reason.retryAfterSeconds { return [("Retry-After", "\(seconds)")] }
    if reason == .unauthorized { return [("WWW-Authenticate", "Basic realm=\"varve\"")] }
    return []
  }
}
