internal import NIOCore
internal import Platform

/// Why the server cannot listen.
public enum ServerError: Error, Hashable, Sendable {
  /// Another process has the port. `option` is what an operator would change.
  case inUse(Address, option: String)
  case cannotListen(Address, option: String, reason: String)
}

extension ServerError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .inUse(let address, let option):
      "\(address) is in use by another process; choose another with \(option)"
    case .cannotListen(let address, let option, let reason):
      "cannot listen at \(address): \(reason); choose another with \(option)"
    }
  }

  /// What a failed bind means.
  static func binding(_ address: Address, option: String, _ error: any Error) -> ServerError {
    guard let system = error as? IOError else {
      return .cannotListen(address, option: option, reason: "\(error)")
    }
    let code = system.errnoCode
    if code == SystemError.Code.addressInUse { return .inUse(address, option: option) }
    let reason = SystemError(code: code, operation: "bind", path: "\(address)").reason
    return .cannotListen(address, option: option, reason: reason)
  }
}
