import Glibc
import Platform
import TestSupport
import Testing

struct ServiceNotificationTests {
  /// A datagram socket like the one that a service manager listens at.
  private final class Manager {
    let raw: Int32

    init(_ path: [UInt8]) throws {
      raw = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
      try #require(raw >= 0)
      let family = sa_family_t(AF_UNIX)
      let address = unsafe withUnsafeBytes(of: family) { unsafe Array($0) } + path
      let result = unsafe address.withUnsafeBytes { bytes in
        unsafe bind(
          raw,
          bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
          socklen_t(bytes.count)
        )
      }
      try #require(result == 0)
    }

    deinit { close(raw) }

    func receive() -> String {
      var buffer = [UInt8](repeating: 0, count: 4_096)
      let count = unsafe recv(raw, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
  }

  @Test func aManagerIsToldAtItsPath() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("notify")
    let manager = try Manager(Array(path.utf8) + [0])
    #expect(ServiceNotification.send(["READY=1", "STATUS=ready"], to: path))
    #expect(manager.receive() == "READY=1\nSTATUS=ready")
  }

  @Test func aManagerIsToldAtAnAbstractAddress() throws {
    let name = "varve-test-\(UInt64.random(in: .min ... .max))"
    let manager = try Manager([0] + Array(name.utf8))
    #expect(ServiceNotification.send(["STOPPING=1"], to: "@" + name))
    #expect(manager.receive() == "STOPPING=1")
  }

  @Test(arguments: [
    nil, "", "/", "relative", "/nobody/listens/here", String(repeating: "/x", count: 60),
  ])
  func withoutAManagerNothingHappens(path: String?) {
    #expect(!ServiceNotification.send(["READY=1"], to: path))
  }
}
