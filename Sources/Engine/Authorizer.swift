internal import Model

/// What a connection or request may do.
public struct Rights: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let read = Rights(rawValue: 1)
  public static let write = Rights(rawValue: 2)
  /// Flush, compact, delete, snapshot.
  public static let admin = Rights(rawValue: 4)
}

/// Decides who may do what, once per connection and request. Called off the hot path; may be slow.
public protocol Authorizer: Sendable {
  /// The tenant and rights of whoever presents `token` and asks for `tenant`.
  ///
  /// - Parameters:
  ///   - token: as the client sent it, or `nil`.
  ///   - tenant: the tenant's name as asked for, or `nil`.
  /// - Returns: `nil` refuses.
  func authorize(token: [UInt8]?, tenant: [UInt8]?) -> (tenant: [UInt8], rights: Rights)?
}

/// Whoever can reach the port may do everything: the default on a loopback address.
public struct OpenAuthorizer: Authorizer {
  public static let defaultTenant = Array("default".utf8)

  public init() {}

  public func authorize(token: [UInt8]?, tenant: [UInt8]?) -> (tenant: [UInt8], rights: Rights)? {
    (tenant ?? Self.defaultTenant, [.read, .write, .admin])
  }
}
