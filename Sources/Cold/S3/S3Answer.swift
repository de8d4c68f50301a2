/// What a service answered.
package struct S3Answer: Sendable {
  package var status: Int
  /// By name in small letters.
  package var headers: [String: String]
  package var body: [UInt8]

  package init(status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// The texts of all elements of a name, in order, entities replaced; of any depth. Enough of XML
  /// for the few answers that S3 gives.
  package func texts(of name: String) -> [String] {
    let text = String(decoding: body, as: UTF8.self)
    var result: [String] = []
    var rest = text[...]
    while let start = rest.firstRange(of: "<\(name)>") {
      rest = rest[start.upperBound...]
      guard let end = rest.firstRange(of: "</\(name)>") else { break }
      result.append(Self.unescaped(rest[..<end.lowerBound]))
      rest = rest[end.upperBound...]
    }
    return result
  }

  package func text(of name: String) -> String? { texts(of: name).first }

  private static func unescaped(_ text: Substring) -> String {
    guard text.contains("&") else { return String(text) }
    let entities = [
      ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#34;", "\""),
      ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&"),
    ]
    var result = String(text)
    for (entity, character) in entities { result = result.replacing(entity, with: character) }
    return result
  }

  /// Whether asking again may help.
  package var isTransient: Bool {
    [429, 500, 502, 503, 504].contains(status) || text(of: "Code") == "RequestTimeout"
  }

  /// The refusal in words: what came back, and what to do.
  package func error(_ operation: String, _ object: String) -> ObjectError {
    let code = text(of: "Code") ?? ""
    var what = "\(operation): \(status)"
    if !code.isEmpty { what += " \(code)" }
    if let message = text(of: "Message"), !message.isEmpty { what += " (\(message.prefix(200)))" }
    switch (status, code) {
    case (404, "NoSuchBucket"):
      return ObjectError(.missing, object, what + "; make the bucket, or correct its name")
    case (404, _): return ObjectError(.missing, object, what)
    case (_, "RequestTimeTooSkewed"):
      return ObjectError(.denied, object, what + "; set this machine's clock")
    case (401, _), (403, _):
      return ObjectError(
        .denied,
        object,
        what + "; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and what they "
          + "may do: GetObject, PutObject, DeleteObject, ListBucket, AbortMultipartUpload"
      )
    case (301, _), (307, _), (400, "AuthorizationHeaderMalformed"):
      let region = headers["x-amz-bucket-region"] ?? text(of: "Region")
      return ObjectError(
        .refused,
        object,
        what + "; the bucket is in another region, set AWS_REGION"
          + (region.map { "=\($0)" } ?? "")
      )
    case _ where isTransient:
      return ObjectError(.unreachable, object, what + "; the service is overloaded or broken")
    default: return ObjectError(.refused, object, what)
    }
  }
}
