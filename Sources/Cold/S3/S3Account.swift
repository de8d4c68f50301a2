internal import Platform

/// Who asks, of whom: from the variables that every S3 client knows.
package struct S3Account: Sendable, Hashable {
  package var accessKey: String
  package var secretKey: String
  /// Of temporary credentials.
  package var sessionToken: String?
  package var region: String
  /// `https://host:port` without a path, for a service that is not AWS; `nil` for AWS.
  package var endpoint: String?

  package init(
    accessKey: String,
    secretKey: String,
    sessionToken: String? = nil,
    region: String = "us-east-1",
    endpoint: String? = nil
  ) {
    self.accessKey = accessKey
    self.secretKey = secretKey
    self.sessionToken = sessionToken
    self.region = region
    self.endpoint = endpoint
  }

  /// Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` or
  /// `AWS_DEFAULT_REGION`, and `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`.
  ///
  /// - Throws: ``ObjectError`` that says which one is missing or wrong.
  package init(
    location: String,
    variable: (String) -> String? = { ProcessEnvironment.value(of: $0) }
  ) throws(ObjectError) {
    func value(_ name: String) -> String? {
      guard let text = variable(name), !text.isEmpty else { return nil }
      return text
    }
    guard let accessKey = value("AWS_ACCESS_KEY_ID"),
      let secretKey = value("AWS_SECRET_ACCESS_KEY")
    else {
      let name = value("AWS_ACCESS_KEY_ID") == nil ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY"
      throw ObjectError(
        .denied,
        location,
        "no credentials: set \(name) in the environment of the process"
      )
    }
    self.init(accessKey: accessKey, secretKey: secretKey)
    sessionToken = value("AWS_SESSION_TOKEN")
    region = value("AWS_REGION") ?? value("AWS_DEFAULT_REGION") ?? region
    guard var text = value("AWS_ENDPOINT_URL_S3") ?? value("AWS_ENDPOINT_URL") else { return }
    while text.hasSuffix("/") { text.removeLast() }
    let rest = text.hasPrefix("https://") ? text.dropFirst(8) : text.dropFirst(7)
    guard text.hasPrefix("http://") || text.hasPrefix("https://"), !rest.isEmpty,
      !rest.contains("/"), !rest.contains("@")
    else {
      throw ObjectError(
        .unsupported,
        location,
        "AWS_ENDPOINT_URL is \(text); expected http://HOST:PORT or https://HOST"
      )
    }
    endpoint = text
  }
}

/// A bucket and the prefix of all keys in it.
package struct S3Place: Sendable, Hashable {
  package var bucket: String
  /// Empty, or with a slash at its end.
  package var prefix: String

  /// - Parameter location: `s3://BUCKET` or `s3://BUCKET/PREFIX`.
  package init(_ location: String) throws(ObjectError) {
    let rest = location.dropFirst("s3://".count)
    let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    bucket = parts.first.map(String.init) ?? ""
    let isName =
      (3...63).contains(bucket.utf8.count)
      && bucket.utf8.allSatisfy { byte in
        byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte &- 48 < 10 || byte &- 97 < 26
      }
    guard location.hasPrefix("s3://"), isName else {
      throw ObjectError(
        .unsupported,
        location,
        "no bucket name: 3 to 63 small letters, digits, dots and hyphens behind s3://"
      )
    }
    let names = (parts.count > 1 ? parts[1] : "").split(separator: "/")
    prefix = names.isEmpty ? "" : names.joined(separator: "/") + "/"
  }

  /// `s3://bucket/prefix/key`.
  package func url(of key: String) -> String { "s3://\(bucket)/\(prefix)\(key)" }

  /// Scheme and host, and the escaped path, of a request about `key`, or about the bucket.
  package func address(
    of key: String?,
    _ account: S3Account
  ) -> (base: String, host: String, path: String) {
    let name = key.map { S3Signature.escape(prefix + $0, keepsSlashes: true) } ?? ""
    if let endpoint = account.endpoint {
      let host = endpoint.split(separator: "/").last.map(String.init) ?? ""
      return (endpoint, host, "/\(bucket)/\(name)")
    }
    // A dot would not match the certificate of the service.
    if bucket.contains(".") {
      let host = "s3.\(account.region).amazonaws.com"
      return ("https://\(host)", host, "/\(bucket)/\(name)")
    }
    let host = "\(bucket).s3.\(account.region).amazonaws.com"
    return ("https://\(host)", host, "/\(name)")
  }
}
