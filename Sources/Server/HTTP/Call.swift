internal import Query

/// One HTTP request as the routes see it: decoded once, nothing of the transport left.
struct Call {
  /// A header that names the tenant; absent or empty means ``tenantDefault``.
  static let tenantHeader = "X-Scope-OrgID"
  static let tenantDefault = "default"

  var method: String
  /// The path as it was sent, without the query string.
  var path: String
  /// The query string as it was sent.
  var query: String
  var tenant: String
  /// The `Authorization` header.
  var authorization: String?
  /// The body, when there may be one.
  var upload: Upload?
  /// The connection that it came on, for the ``AnswerBudget``.
  var connection: ObjectIdentifier?
  /// Behind which event a reader of a stream goes on.
  var lastEventID: String?

  /// - Parameter target: path and query string as they stand in the request line.
  init(
    method: String,
    target: String,
    tenant: String?,
    authorization: String? = nil,
    upload: Upload? = nil
  ) {
    self.method = method
    self.authorization = authorization
    self.upload = upload
    let end = target.firstIndex(of: "#") ?? target.endIndex
    let target = target[..<end]
    let mark = target.firstIndex(of: "?") ?? target.endIndex
    path = String(target[..<mark])
    query = String(target[mark...].dropFirst())
    self.tenant = tenant.flatMap { $0.isEmpty ? nil : $0 } ?? Self.tenantDefault
  }

  /// The items of the query string.
  func items() throws(QueryError) -> [(name: String, value: String)] {
    do throws(QueryItems.Fault) {
      return try QueryItems.parse(query)
    } catch {
      throw QueryError(.badData, error.message)
    }
  }

  /// What a form in a body may have.
  private static let formByteCountMax = 1 << 20
  private static let formType = "application/x-www-form-urlencoded"

  /// The items of the query string, and behind them those of the form in the body, as Prometheus
  /// takes parameters that are too long for an address.
  func form() async throws(QueryError) -> [(name: String, value: String)] {
    let items = try items()
    guard let upload else { return items }
    let body: [UInt8]?
    do throws(Upload.Interrupted) {
      body = try await upload.collect(byteCountMax: Self.formByteCountMax)
    } catch {
      throw QueryError(.badData, "the connection ended inside the body")
    }
    guard let body else {
      throw QueryError(.badData, "a form has \(Self.formByteCountMax) bytes at most")
    }
    guard !body.isEmpty else { return items }
    guard upload.contentType == Self.formType, upload.encoding.isEmpty else {
      throw QueryError(
        .badData,
        "parameters in a body need Content-Type: \(Self.formType) and no Content-Encoding"
      )
    }
    do throws(QueryItems.Fault) {
      return items + (try QueryItems.parse(String(decoding: body, as: UTF8.self)))
    } catch {
      throw QueryError(.badData, error.message)
    }
  }
}
