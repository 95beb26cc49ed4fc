//! A small HTTP server for measurements: answers every request with 200 and about 100 bytes.
//! Prints its address, and serves until it is killed.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::net::TcpListener;

const BODY: &[u8] = br#"{"status":"ok","padding":"........................................................................"}"#;

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(BODY))))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let served = hyper::server::conn::http1::Builder::new();
            // A client that goes away is no fault of a measurement.
            let _ = served
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
        });
    }
}
