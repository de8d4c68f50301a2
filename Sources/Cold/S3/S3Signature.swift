internal import Bytes
package import Model

/// Signs requests as AWS asks for it (Signature Version 4).
///
/// Ours and not libcurl's, whose version in Debian 12 signs a query as it stands and knows no
/// session tokens; the examples of the S3 documentation are its test.
package struct S3Signature: Sendable {
  package var accessKey: String
  package var secretKey: String
  package var region: String

  package init(accessKey: String, secretKey: String, region: String) {
    self.accessKey = accessKey
    self.secretKey = secretKey
    self.region = region
  }

  /// What is signed of a request.
  package struct Request {
    package var method: String
    /// Escaped, from the first slash on.
    package var path: String
    /// Not escaped.
    package var query: [(name: String, value: String)]
    /// All headers but the signature, `host`, `x-amz-date` and `x-amz-content-sha256` among them;
    /// names in small letters.
    package var headers: [(name: String, value: String)]
    /// Of the body, in hexadecimal.
    package var digest: String

    package init(
      method: String,
      path: String,
      query: [(name: String, value: String)] = [],
      headers: [(name: String, value: String)],
      digest: String
    ) {
      self.method = method
      self.path = path
      self.query = query
      self.headers = headers
      self.digest = digest
    }
  }

  /// The value of the header `authorization`.
  ///
  /// - Parameter time: as in `x-amz-date`: `20130524T000000Z`.
  package func authorization(_ request: Request, time: String) -> String {
    let headers = request.headers.sorted { $0.name < $1.name }
    let names = headers.map(\.name).joined(separator: ";")
    let canonical = [
      request.method, request.path, Self.query(request.query),
      headers.map { "\($0.name):\($0.value)\n" }.joined(), names, request.digest,
    ].joined(separator: "\n")
    let day = String(time.prefix(8))
    let scope = "\(day)/\(region)/s3/aws4_request"
    let digest = Self.hexadecimal(SHA256.digest(Array(canonical.utf8)))
    let text = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(digest)"
    var key = Array("AWS4\(secretKey)".utf8)
    for part in [day, region, "s3", "aws4_request"] {
      key = Self.authenticator(key, Array(part.utf8))
    }
    let signature = Self.hexadecimal(Self.authenticator(key, Array(text.utf8)))
    return "AWS4-HMAC-SHA256 Credential=\(accessKey)/\(scope), SignedHeaders=\(names), "
      + "Signature=\(signature)"
  }

  /// `20130524T000000Z`.
  package static func time(_ nanoseconds: Timestamp) -> String {
    CivilTime(nanoseconds: nanoseconds).rfc3339(decimals: 0).filter { $0 != "-" && $0 != ":" }
  }

  /// Ascending by name, escaped: as it is signed, and as it is sent.
  package static func query(_ items: [(name: String, value: String)]) -> String {
    items.map { (escape($0.name), escape($0.value)) }
      .sorted { $0 < $1 }
      .map { "\($0)=\($1)" }.joined(separator: "&")
  }

  /// All but letters, digits and `-._~` in hexadecimal; of a path slashes stay.
  package static func escape(_ text: String, keepsSlashes: Bool = false) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      case UInt8(ascii: "/") where keepsSlashes: result += "/"
      default: result += "%" + hexadecimal([byte]).uppercased()
      }
    }
    return result
  }

  package static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.count)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// HMAC-SHA256 (RFC 2104).
  package static func authenticator(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
    let blockByteCount = 64
    var padded = key.count > blockByteCount ? SHA256.digest(key) : key
    padded += Array(repeating: 0, count: blockByteCount - padded.count)
    let inner = SHA256.digest(padded.map { $0 ^ 0x36 } + message)
    return SHA256.digest(padded.map { $0 ^ 0x5c } + inner)
  }
}
