/// A place to listen at or to connect to, as operators write it: `127.0.0.1:9009`, `[::1]:9009`.
public struct Address: Hashable, Sendable {
  /// A name or a number, without brackets.
  public var host: String
  /// 0 ... 65,535; 0 lets the system choose when listening.
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads `HOST:PORT`; `nil` for anything else. An IPv6 number stands in brackets.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    var host = text[..<colon]
    let digits = text[text.index(after: colon)...]
    guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = Int(digits),
      (0...65_535).contains(port)
    else { return nil }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self.init(host: String(host), port: port)
  }

  /// Whether two listeners would want the same port, as far as the texts tell: one address twice,
  /// or all addresses of the machine besides one of them.
  package func clashes(with other: Address) -> Bool {
    guard port == other.port, port != 0 else { return false }
    let (own, others) = (plainHost, other.plainHost)
    return own == others || takesAll(others) || other.takesAll(own)
  }

  private var plainHost: String { host == "localhost" ? "127.0.0.1" : host }

  /// `::` listens to IPv4 too.
  private func takesAll(_ host: String) -> Bool {
    self.host == "::" || self.host == "0.0.0.0" && !host.contains(":")
  }
}

extension Address: CustomStringConvertible {
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
